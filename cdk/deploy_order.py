"""The order in which stacks can be deployed, from the names that they publish and require."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

FILE = "deploy-order.json"
"""Beside the templates in the cloud assembly: what `orderctl deploy` checks before it starts."""


@dataclass(frozen=True)
class Stacked:
    """A stack's name, and the parameter names it publishes and requires."""

    name: str
    provides: tuple[str, ...]
    requires: tuple[str, ...]


class Unprovided(ValueError):
    """A stack requires a name that no stack publishes, or two wait for each other."""


def providers(stacks: Sequence[Stacked]) -> dict[str, str]:
    """The stack that publishes each name."""
    return {name: stack.name for stack in stacks for name in stack.provides}


def dependencies(stacks: Sequence[Stacked]) -> dict[str, set[str]]:
    """For each stack, the stacks that must be deployed before it. Raises Unprovided naming stack and parameter."""
    found = providers(stacks)
    needed: dict[str, set[str]] = {}
    for stack in stacks:
        for name in stack.requires:
            if name not in found:
                raise Unprovided(f"{stack.name} requires {name}, which no stack of this app publishes")
        needed[stack.name] = {found[name] for name in stack.requires} - {stack.name}
    return needed


def order(stacks: Sequence[Stacked]) -> list[str]:
    """The stacks' names, each after those it needs. Raises Unprovided."""
    try:
        return list(TopologicalSorter(dependencies(stacks)).static_order())
    except CycleError as error:
        raise Unprovided(f"these stacks wait for each other: {' → '.join(error.args[1])}") from None


def missing(stack: Stacked, deployed: Mapping[str, object]) -> list[str]:
    """The names that `stack` requires and that are not among the `deployed` ones."""
    return [name for name in stack.requires if name not in deployed]


def write(stacks: Sequence[Stacked], assembly: Path) -> None:
    """Leave the order beside the templates."""
    assembly.mkdir(parents=True, exist_ok=True)
    document = {"order": order(stacks), "stacks": [asdict(stack) for stack in stacks]}
    (assembly / FILE).write_text(json.dumps(document, indent=2) + "\n")


def read(assembly: Path) -> list[Stacked]:
    """The stacks in the order of deployment."""
    document = json.loads((assembly / FILE).read_text())
    by_name = {
        entry["name"]: Stacked(entry["name"], tuple(entry["provides"]), tuple(entry["requires"]))
        for entry in document["stacks"]
    }
    return [by_name[name] for name in document["order"]]
