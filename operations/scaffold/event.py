"""A new event: its schema, and the step of its service that publishes it."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kernel.naming import source_of
from operations.errors import UserError, WrongUsageError
from operations.scaffold import names
from operations.scaffold.source import Source
from operations.scaffold.workspace import TEMPLATES, Workspace, rendered, workspace

PUBLISHES: Final = re.compile(r"(## Events\n\nPublishes )(none\.)?")
"""The begin of the README's section of events."""
POSITION: Final = 3
"""Where `step` takes its event, if that has no keyword."""


@dataclass(frozen=True)
class Step:
    """A step of a transition table as `states.py` writes it. `end` is where its call's arguments end, in the text."""

    name: str
    aggregate: str
    publishes: str | None
    end: int


def create(root: Path, owner: str, name: str, step_name: str | None = None) -> list[str]:
    """Make the event `name` of the service `owner`, which its step publishes. Return the files that are new or changed.

    Without a `step_name`, it is the one step that publishes nothing. The event has no data yet.
    Raises WrongUsageError for a name or a step that cannot be, UserError for an event that exists.
    """
    if not (root / "services" / owner / "domain" / "states.py").exists():
        there = ", ".join(sorted(folder.parent.parent.name for folder in root.glob("services/*/domain/states.py")))
        raise WrongUsageError(f"There is no service {owner!r} with states of its own.", f"Services: {there}.")
    names.check_event(root, name)
    with workspace(root) as copy:
        add(copy, owner, name, step_name)
        copy.build()
        return copy.move()


def add(copy: Workspace, owner: str, name: str, step_name: str | None = None) -> None:
    """Write the event's schema, and let the step publish it, without the files that are built."""
    states, readme = f"services/{owner}/domain/states.py", f"services/{owner}/README.md"
    text = copy.read(states)
    step = chosen(list(steps(text, states)), owner, step_name)
    copy.write(states, f'{text[: step.end]}, publishes="{name}"{text[step.end :]}')
    copy.write(f"services/{owner}/schemas/{name}.v1.json", json.dumps(schema_of(copy, owner, name, step), indent=2) + "\n")
    listed, places = PUBLISHES.subn(lambda found: f"{found[1]}`{name}`{'.' if found[2] else ', '}", copy.read(readme), 1)
    if not places:
        fault = f"{readme} has no paragraph below `## Events` that begins with `Publishes`, so nothing was written."
        raise UserError(fault, "Add `Publishes none.` there, and try again.")
    copy.write(readme, listed)
    copy.formatted(states)


def steps(text: str, place: str) -> Iterator[Step]:
    """Yield the steps of the transition tables in the text of a `states.py`; `place` names it in an error."""
    source = Source(text, place)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "TransitionTable":
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            for call in ast.walk(given["transitions"]):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "step":
                    last = [*call.args, *(keyword.value for keyword in call.keywords)][-1]
                    aggregate = source.literal(given["aggregate"])
                    yield Step(source.literal(call.args[0]), aggregate, _event_of(call, source), source.end(last))


def _event_of(call: ast.Call, source: Source) -> str | None:
    positional = call.args[POSITION : POSITION + 1]
    named = [keyword.value for keyword in call.keywords if keyword.arg == "publishes"]
    return next((source.literal(value) for value in (*positional, *named)), None)


def chosen(found: list[Step], owner: str, name: str | None) -> Step:
    """Return the step of this name that publishes nothing. Raises WrongUsageError if there is not exactly one."""
    silent = [step for step in found if step.publishes is None]
    named = [step for step in silent if name in (None, step.name)]
    if len(named) == 1:
        return named[0]
    listed = ", ".join(f"`{step.name}`" for step in silent)
    if not silent:
        fault, hint = f"Each step of {owner} publishes an event already.", "Add a step to its domain/states.py first."
    elif name is None:
        fault, hint = f"Several steps of {owner} publish nothing.", f"Choose the event's step by --step: {listed}."
    else:
        fault, hint = f"{owner} has no one step `{name}` that publishes nothing.", f"Steps that publish nothing: {listed}."
    raise WrongUsageError(fault, hint)


def schema_of(copy: Workspace, owner: str, name: str, step: Step) -> Mapping[str, Any]:
    """Return the event's schema. Its metadata are those of the other events of the same rows, if there are any."""
    values = {"name": name, "owner": owner, "aggregate": step.aggregate, "source": source_of(owner)}
    made: dict[str, Any] = json.loads(rendered(TEMPLATES / "event" / "schema.json.jinja", values))
    states = f"services/{owner}/domain/states.py"
    for sibling in steps(copy.read(states), states):
        files = sorted((copy.folder / "services" / owner / "schemas").glob(f"{sibling.publishes}.v*.json"))
        if files and sibling.publishes != name and sibling.aggregate == step.aggregate:
            known = json.loads(files[-1].read_text())
            made["properties"]["metadata"] = known["properties"]["metadata"]
            made["properties"]["metadata"]["properties"]["event_version"]["const"] = 1
            made["examples"][0]["metadata"] = {**known["examples"][0]["metadata"], "event_version": 1}
            break
    return made
