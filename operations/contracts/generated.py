"""Everything that is made from the schemas and the API files: written by `orderctl schemas build`, compared by `--check`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kernel.naming import SERVICES
from operations.contracts import asyncapi, models, openapi, pages
from operations.contracts.event_catalogue import Event, events, newest
from operations.contracts.markdown import formatted
from operations.contracts.subscriptions import fields_read
from operations.repository import REPOSITORY

FOLDER: Final = Path("docs/reference/events")
APIS: Final = Path("docs/reference/openapi")
KEPT: Final = FOLDER / "released-schemas.json"
"""In the folder, and not made from today's schemas: today's are held against it."""


def documents() -> dict[Path, str]:
    """Return the text of each generated document, by its path in the repository."""
    found = events()
    made = {FOLDER / name: formatted(text) for name, text in pages.pages(found).items()}
    made |= {FOLDER / "asyncapi" / f"{name}.json": _json(document) for name, document in asyncapi.documents(found).items()}
    made |= {FOLDER / "samples" / f"{event.stem}.v{event.version}.json": _json(entry(event)) for event in found}
    made |= {APIS / f"{service}.json": _json(document) for service, document in openapi.documents().items()}
    for service in SERVICES:
        owned = [event for event in found if event.owner == service]
        made[Path("services") / service / "schemas" / "models.py"] = models.module(service, owned)
        consumed = models.consumed_module(service, fields_read(service), newest())
        if consumed:
            made[Path("services") / service / "schemas" / "consumed.py"] = consumed
    return made


def entry(event: Event) -> dict[str, str]:
    """Return the event's example as an entry of PutEvents without the bus, as `aws events put-events` takes it."""
    return {"Source": event.sent_as, "DetailType": event.detail_type, "Detail": json.dumps(event.example)}


def build(made: Mapping[Path, str], root: Path = REPOSITORY) -> dict[str, list[Path]]:
    """Write the missing and changed documents, remove the obsolete ones, and return their paths: `written`, `removed`.

    `made` is the text of each document, as `documents` returns it.
    """
    found = differences(made, root)
    for path in found["written"]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(made[path])
    for path in found["removed"]:
        (root / path).unlink()
    return found


def differences(made: Mapping[Path, str], root: Path = REPOSITORY) -> dict[str, list[Path]]:
    """Return the paths that `build` would write and remove."""
    folders = (root / FOLDER, root / APIS)
    there = {path.relative_to(root) for folder in folders for path in folder.rglob("*") if path.is_file()} - {KEPT}
    written = [path for path, text in made.items() if not (root / path).exists() or (root / path).read_text() != text]
    return {"written": sorted(written), "removed": sorted(there - made.keys())}


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, indent=2) + "\n"
