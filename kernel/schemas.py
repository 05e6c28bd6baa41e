"""The event schemas (JSON Schema draft-07), and validation against them.

A schema file stands in its publisher's `schemas/` as `<name>.v<version>.json`, describes the event's `detail` whole, and says
which event it describes by three keys of its own: `x-source`, `x-detail-type`, `x-version`. `x-source` may end in `*` for the
one event that comes from outside, the channels' OrderPlaced. `x-published-until` of an older version is the last day on which
it is published beside the newest.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from kernel.errors import RejectedError
from kernel.events import DomainEvent
from kernel.identifiers import shown
from kernel.naming import is_source
from kernel.validators import validator_of

SERVICES_FOLDER = Path(__file__).parents[1] / "services"
Key = tuple[str, str, int]
"""(source, detail-type, version); a source may end in `*`."""
Schema = dict[str, Any]
"""A JSON Schema."""


class InvalidEventError(RejectedError, ValueError):
    """An event that its schema refuses. `field` is the place (`data.lines[0].sku`), `reason` the cause."""

    def __init__(self, event: str, field: str, reason: str) -> None:
        super().__init__(f"{event}: {field}: {reason}" if field else f"{event}: {reason}")
        self.field = field
        self.reason = reason


def read_schemas(folder: Path = SERVICES_FOLDER) -> dict[Key, Schema]:
    """Return every schema below `folder`, by (source, detail-type, version)."""
    return {key: schema for key, schema, _ in _read(folder)}


def _read(folder: Path) -> Iterator[tuple[Key, Schema, Path]]:
    """Yield each schema with its key and its file."""
    for path in sorted(folder.glob("*/schemas/*.json")):
        schema = json.loads(path.read_text())
        yield (schema["x-source"], schema["x-detail-type"], int(schema["x-version"])), schema, path


@cache
def _known() -> dict[Key, tuple[Schema, Path]]:
    return {key: (schema, file) for key, schema, file in _read(SERVICES_FOLDER)}


def _keys_of(source: str, detail_type: str) -> list[Key]:
    """Return the keys of the event's versions that are known here."""
    return [known for known in _known() if known[1] == detail_type and is_source(known[0], source)]


def _key_of(source: str, detail_type: str, version: int) -> Key | None:
    """Return the key of the schema that validates an event, or None."""
    return next((key for key in _keys_of(source, detail_type) if key[2] == version), None)


def prepare(events: Iterable[tuple[str, str]]) -> None:
    """Make the validators of all versions of these events, by (source, detail-type), before the first one comes."""
    for source, detail_type in events:
        for key in _keys_of(source, detail_type):
            validator_of(_known()[key][1])


def newest_version(source: str, detail_type: str) -> int:
    """Return the newest version of an event that is known here; 1 for an event without a schema here."""
    return max((key[2] for key in _keys_of(source, detail_type)), default=1)


def owner_of(source: str, detail_type: str) -> str:
    """Return the service that has the event in its `schemas/`. Raises StopIteration for an event without a schema here."""
    return next(_known()[key][1].parent.parent.name for key in _keys_of(source, detail_type))


def published_until(source: str, detail_type: str, version: int) -> str:
    """Return the last day, `2027-06-30`, on which an older version is published beside the newest, or an empty text."""
    key = _key_of(source, detail_type, version)
    return str(_known()[key][0].get("x-published-until", "")) if key else ""


def validate(source: str, detail_type: str, detail: object) -> None:
    """Pass an event's `detail`, or raise InvalidEventError naming the field."""
    event = f"{shown(detail_type)} from {shown(source)}"
    if not isinstance(source, str) or not isinstance(detail_type, str):
        raise InvalidEventError(event, "", "an event's source and detail-type are text")
    if not isinstance(detail, Mapping) or not isinstance(detail.get("metadata"), Mapping):
        raise InvalidEventError(event, "metadata", "is missing; an event's detail is {metadata, data}")
    version = detail["metadata"].get("event_version")
    if not isinstance(version, int):
        raise InvalidEventError(event, "metadata.event_version", "must be an integer, the version of the event's schema")
    key = _key_of(source, detail_type, version)
    if key is None:
        raise InvalidEventError(event, "", f"no schema of version {version} is known here")
    try:
        validator_of(_known()[key][1])(detail)
    except fastjsonschema.JsonSchemaValueException as refusal:
        raise InvalidEventError(event, field_of(refusal), reason_of(refusal)) from None


def validate_event(event: DomainEvent) -> None:
    """Pass an event about to be written, or raise InvalidEventError."""
    validate(event.source, event.detail_type, event.detail())


def field_of(refusal: fastjsonschema.JsonSchemaValueException) -> str:
    """Return the refused field: `data.lines[0].sku` for fastjsonschema's `data.data.lines[0].sku` (its root has a name)."""
    return str(refusal.name).removeprefix("data").removeprefix(".")


def unknown_field(refusal: fastjsonschema.JsonSchemaValueException) -> str:
    """Return the first field that an object should not have, of one that was refused for it."""
    return str(min(set(refusal.value) - set(refusal.definition["properties"])))


def reason_of(refusal: fastjsonschema.JsonSchemaValueException) -> str:
    """Return why a value was refused, without the field's name and without a value that was sent."""
    if refusal.rule == "additionalProperties":
        return f"has an unknown field, {shown(unknown_field(refusal))}"
    return str(refusal.message).removeprefix(str(refusal.name)).strip()
