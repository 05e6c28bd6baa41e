"""A new service: its folder, its unit tests, and its line in the composition."""

import ast
import difflib
from pathlib import Path
from typing import Final

from kernel.naming import SOURCE_PREFIX
from operations.errors import UserError, WrongUsageError
from operations.scaffold import names
from operations.scaffold.source import Source
from operations.scaffold.workspace import Workspace, workspace

COMPOSITION: Final = "app.py"
STACKS: Final = "STACKS"


def create(root: Path, name: str, event: str) -> list[str]:
    """Make the service `name`, which records each order from `event` on. Return the files that are new or changed.

    Raises WrongUsageError for a name or an event that cannot be, UserError for a service that exists.
    """
    names.check_service(root, name)
    owner = owner_of(root, event)
    with workspace(root) as copy:
        add(copy, name, owner, event)
        copy.build()
        return copy.move()


def add(copy: Workspace, name: str, owner: str, event: str) -> None:
    """Write the service's own files, without those that are built. `owner` publishes the event."""
    values = {"name": name, "Name": name.capitalize(), "NAME": name.upper(), "owner": owner, "event": event}
    copy.render("service", name, values)
    compose(copy, name)
    copy.formatted(COMPOSITION, f"services/{name}", f"tests/unit/{name}")


def owner_of(root: Path, event: str) -> str:
    """Return the service that publishes the event about an order. Raises WrongUsageError for any other event."""
    owners = {}
    for _, schema in names.schemas(root):
        if "order_id" in schema["properties"]["metadata"]["required"]:
            owners[schema["x-detail-type"]] = schema["x-source"].removeprefix(SOURCE_PREFIX)
    if event not in owners:
        near = difflib.get_close_matches(event, owners, n=1)
        hint = f"Did you mean {near[0]}?" if near else "docs/reference/events/README.md lists the events."
        raise WrongUsageError(f"No service publishes the event {event!r} about an order.", hint)
    return str(owners[event])


def compose(copy: Workspace, name: str) -> None:
    """Add the service's stack to the composition. Raises UserError if `app.py` has no list or tuple STACKS to add it to."""
    text, stack = copy.read(COMPOSITION), f"{name.capitalize()}Stack"
    source = Source(text, COMPOSITION)
    stacks = stacks_of(source)
    if stacks is None or not stacks.elts:
        raise UserError(f"{COMPOSITION} has no list or tuple STACKS, so nothing was written.", "Restore it, and try again.")
    end = source.end(stacks.elts[-1])
    last = next(node for node in reversed(source.tree.body) if isinstance(node, ast.Import | ast.ImportFrom))
    line = source.end(last)
    imported = f"\nfrom services.{name}.infrastructure import {stack}\n"
    copy.write(COMPOSITION, f"{text[:line]}{imported}{text[line:end]}, {stack}{text[end:]}")


def stacks_of(source: Source) -> ast.List | ast.Tuple | None:
    """Return the list or tuple that the module assigns to STACKS, the last one; None if there is none."""
    found: ast.List | ast.Tuple | None = None
    for node in source.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if any(isinstance(target, ast.Name) and target.id == STACKS for target in targets):
            found = value if isinstance(value, ast.List | ast.Tuple) else None
    return found
