"""The event schemas (JSON Schema draft-07), and validation against them.

A schema file stands in its publisher's `schemas/` as `<name>.v<version>.json`, describes the event's `detail` whole, and says
which event it describes by three keys of its own: `x-source`, `x-detail-type`, `x-version`. `x-source` may end in `*` for the
one event that comes from outside, the channels' OrderPlaced.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from services.kernel.events import DomainEvent

SERVICES_FOLDER = Path(__file__).parent.parent


class InvalidEvent(ValueError):
    """An event that its schema refuses. `field` is where (`data.lines[0].sku`), `reason` is what was wrong."""

    def __init__(self, event: str, field: str, reason: str) -> None:
        super().__init__(f"{event}: {field}: {reason}" if field else f"{event}: {reason}")
        self.field = field
        self.reason = reason


def read_schemas(folder: Path = SERVICES_FOLDER) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Every schema below `folder`, by (source, detail-type, version)."""
    found = {}
    for path in sorted(folder.glob("*/schemas/*.json")):
        schema = json.loads(path.read_text())
        found[schema["x-source"], schema["x-detail-type"], int(schema["x-version"])] = schema
    return found


@cache
def _known() -> dict[tuple[str, str, int], dict[str, Any]]:
    return read_schemas()


@cache
def _compiled(key: tuple[str, str, int]) -> Callable[[Any], Any]:
    compiled: Callable[[Any], Any] = fastjsonschema.compile(_known()[key], use_default=False)
    return compiled


def _key_of(source: str, detail_type: str, version: int) -> tuple[str, str, int] | None:
    """The key of the schema that an event is to be checked against."""
    for known in _known():
        same_source = known[0] == source or (known[0].endswith("*") and source.startswith(known[0][:-1]))
        if same_source and known[1:] == (detail_type, version):
            return known
    return None


def validate(source: str, detail_type: str, detail: Any) -> None:
    """Pass an event's `detail`, or raise InvalidEvent naming the field."""
    event = f"{detail_type} from {source}"
    if not isinstance(source, str) or not isinstance(detail_type, str):
        raise InvalidEvent(event, "", "an event's source and detail-type are text")
    if not isinstance(detail, Mapping) or not isinstance(detail.get("metadata"), Mapping):
        raise InvalidEvent(event, "metadata", "is missing; an event's detail is {metadata, data}")
    version = detail["metadata"].get("event_version")
    if not isinstance(version, int):
        raise InvalidEvent(event, "metadata.event_version", "must be an integer, the version of the event's schema")
    key = _key_of(source, detail_type, version)
    if key is None:
        raise InvalidEvent(event, "", f"no schema of version {version} is known here")
    try:
        _compiled(key)(detail)
    except fastjsonschema.JsonSchemaValueException as refusal:
        raise InvalidEvent(event, field_of(refusal), reason_of(refusal)) from None


def validate_event(event: DomainEvent) -> None:
    """Pass an event about to be written, or raise InvalidEvent."""
    validate(event.source, event.detail_type, event.detail())


def field_of(refusal: fastjsonschema.JsonSchemaValueException) -> str:
    """`data.lines[0].sku` for fastjsonschema's `data.data.lines[0].sku`: the root has no name of its own."""
    return str(refusal.name).removeprefix("data").removeprefix(".")


def reason_of(refusal: fastjsonschema.JsonSchemaValueException) -> str:
    """What was wrong, without the field's name in front."""
    return str(refusal.message).removeprefix(str(refusal.name)).strip()
