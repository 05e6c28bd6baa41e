"""A new service: its folder, its unit tests, and its line in the composition."""

import difflib
import json
import re
from pathlib import Path
from typing import Final

from kernel.naming import SOURCE_PREFIX
from operations.errors import UserError, WrongUsageError
from operations.scaffold import names
from operations.scaffold.workspace import Workspace, workspace

COMPOSITION: Final = "app.py"
IMPORTS: Final = re.compile(r"^from services\.\w+\.infrastructure import \w+$", re.MULTILINE)
STACKS: Final = re.compile(r"^STACKS = \(\n(?P<stacks>.*?)^\)", re.MULTILINE | re.DOTALL)


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
    for file in names.schemas(root):
        schema = json.loads(file.read_text())
        if "order_id" in schema["properties"]["metadata"]["required"]:
            owners[schema["x-detail-type"]] = schema["x-source"].removeprefix(SOURCE_PREFIX)
    if event not in owners:
        near = difflib.get_close_matches(event, owners, n=1)
        hint = f"Did you mean {near[0]}?" if near else "docs/reference/events/README.md lists the events."
        raise WrongUsageError(f"No service publishes the event {event!r} about an order.", hint)
    return str(owners[event])


def compose(copy: Workspace, name: str) -> None:
    """Add the service's stack to the composition. Raises UserError if `app.py` has another form than it had."""
    text, stack = copy.read(COMPOSITION), f"{name.capitalize()}Stack"
    imports, stacks = list(IMPORTS.finditer(text)), STACKS.search(text)
    if not imports or not stacks:
        raise UserError(f"{COMPOSITION} has no tuple STACKS, so nothing was written.", "Restore it, and try again.")
    end = stacks.end("stacks")
    text = f"{text[:end]}    {stack},\n{text[end:]}"
    last = imports[-1].end()
    copy.write(COMPOSITION, f"{text[:last]}\nfrom services.{name}.infrastructure import {stack}{text[last:]}")
