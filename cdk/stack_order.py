"""The order in which stacks can be deployed, from the names that they publish and require. Does not import the CDK."""

import json
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, field
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

from cdk.stack_contract import Contract

FILE = "deploy-order.json"
"""The file beside the templates in the cloud assembly that `orderctl deploy` checks before it starts."""


@dataclass(frozen=True)
class StackWiring:
    """A stack's name, the parameter names it publishes and requires, and its contract with other stacks."""

    name: str
    provides: tuple[str, ...]
    requires: tuple[str, ...]
    contract: Contract = field(default_factory=Contract)


class MissingProviderError(ValueError):
    """A stack requires a parameter that no stack publishes."""


class DependencyCycleError(ValueError):
    """Stacks wait for each other's parameters."""


def providers(stacks: Sequence[StackWiring]) -> dict[str, str]:
    """Return the stack that publishes each name."""
    return {name: stack.name for stack in stacks for name in stack.provides}


def dependencies(stacks: Sequence[StackWiring]) -> dict[str, set[str]]:
    """Return, for each stack, the stacks that must be deployed first. Raises MissingProviderError with stack and parameter."""
    publishing = providers(stacks)
    for stack in stacks:
        for name in stack.requires:
            if name not in publishing:
                raise MissingProviderError(f"{stack.name} requires {name}, which no stack of this app publishes")
    return {stack.name: {publishing[name] for name in stack.requires} - {stack.name} for stack in stacks}


def in_order(stacks: Sequence[StackWiring]) -> list[StackWiring]:
    """Return the stacks, each after its providers.

    Raises MissingProviderError, or DependencyCycleError with the stacks and parameters of the cycle.
    """
    by_name = {stack.name: stack for stack in stacks}
    try:
        return [by_name[name] for name in TopologicalSorter(dependencies(stacks)).static_order()]
    except CycleError as error:
        circle: list[str] = error.args[1]
        waits = [
            f"{later} requires {', '.join(sorted(set(by_name[later].requires) & set(by_name[earlier].provides)))} of {earlier}"
            for earlier, later in pairwise(circle)
        ]
        raise DependencyCycleError(f"these stacks wait for each other: {'; '.join(waits)}") from None


def missing(stack: StackWiring, deployed: Container[str]) -> list[str]:
    """Return the names that `stack` requires and that are not `deployed`."""
    return [name for name in stack.requires if name not in deployed]


def write(stacks: Sequence[StackWiring], assembly: Path) -> None:
    """Write the stacks, in the order given, to a file beside the templates."""
    document = {"stacks": [asdict(stack) for stack in stacks]}
    (assembly / FILE).write_text(json.dumps(document, indent=2) + "\n")


def read(assembly: Path) -> list[StackWiring]:
    """Return the stacks of a synthesized assembly, in the order of deployment."""
    document = json.loads((assembly / FILE).read_text())
    return [
        StackWiring(entry["name"], tuple(entry["provides"]), tuple(entry["requires"]), Contract(**entry["contract"]))
        for entry in document["stacks"]
    ]
