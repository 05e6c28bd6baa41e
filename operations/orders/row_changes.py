"""The row before and after an event, as far as the row's events state it: no table keeps what a row was."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypedDict

from operations.events.journal import BusEvent
from operations.orders.status_changes import StatusChange

STATUS: Final = "status"
VERSION: Final = "version"

StatedEvent = tuple[str, BusEvent, StatusChange]
"""An event of a row: its id, the event itself, and the change of the row's status."""


class AttributeChange(TypedDict):
    """An attribute of a row before and after an event. `before` is None if there was no row, or if no event stated it."""

    name: str
    before: object
    after: object


def row_changes(events: Iterable[StatedEvent], rows: Mapping[str, Mapping[str, object]]) -> dict[str, list[AttributeChange]]:
    """Return the attributes that each event states of its row, by event id: the version, the status, and those of its data.

    `events` come in the order of their occurrence, `rows` are the rows as they are now, by `pk`. A field of the data is an
    attribute if the row has one of that name. `before` is the value that an earlier event stated; a step without an event
    states nothing. Lines are in words, because events price them and most rows do not.
    """
    found: dict[str, list[AttributeChange]] = {}
    stated: dict[str, dict[str, object]] = {}
    for event_id, event, change in events:
        pk, _, version = event_id.rpartition("#")
        earlier = stated.setdefault(pk, {})
        data = {name: comparable(value) for name, value in _data(event).items()}
        row = rows.get(pk, {})
        is_latest = row.get(VERSION) == int(version)
        found[event_id] = [
            {"name": VERSION, "before": int(version) - 1 or None, "after": int(version)},
            {
                "name": STATUS,
                "before": _words(change["before"]),
                "after": row[STATUS] if is_latest else _words(change["after"]),
            },
            *(
                AttributeChange(name=name, before=earlier.get(name), after=value)
                for name, value in sorted(data.items())
                if name in row
            ),
        ]
        earlier |= data
    return found


def _data(event: BusEvent) -> Mapping[str, object]:
    """Return an event's data; empty if it has none."""
    detail = event["detail"]
    data = detail.get("data") if isinstance(detail, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def comparable(value: object) -> object:
    """Return lines of an order as `MUG=2, LP=1`, and any other value as it is."""
    if isinstance(value, list) and all(isinstance(line, dict) and {"sku", "quantity"} <= line.keys() for line in value):
        return ", ".join(f"{line['sku']}={line['quantity']}" for line in value)
    return value


def _words(statuses: Sequence[str]) -> str | None:
    return " or ".join(statuses) or None
