"""The timeline of a row: the events that it published and consumed, each as a short text.

A row whose timeline and outbox fit into a kilobyte costs one unit of each write, so an entry leaves out what the row says: its
own id. `2026-03-01T12:00:00.000Z OrderConfirmed ORDER#~#3` is an entry of an order; `~` stands for the order's id.
"""

from collections.abc import Iterable
from typing import Final, TypedDict

OWN_ID: Final = "~"
"""Stands for the id of the row in the ids of its events."""
PARTS: Final = 3


class TimelineEntry(TypedDict):
    """An event that the aggregate published or consumed, at a time in RFC 3339 (UTC)."""

    event: str
    event_id: str
    at: str


StoredEntry = str | TimelineEntry
"""An entry as a row keeps it: a text, or all its fields. Rows of version 0.2 have the latter, and events with unusual ids."""


def stored(entry: TimelineEntry, aggregate_id: str) -> StoredEntry:
    """Return an entry as the row of the aggregate keeps it."""
    event_id = _mapped(entry["event_id"], aggregate_id, OWN_ID)
    text = f"{entry['at']} {entry['event']} {event_id}"
    return text if _entry(text, aggregate_id) == entry else entry


def entries(kept: Iterable[StoredEntry], aggregate_id: str) -> list[TimelineEntry]:
    """Return the entries of the aggregate's timeline, as its row keeps it: oldest first. Raises ValueError for other text."""
    return [_entry(each, aggregate_id) if isinstance(each, str) else each for each in kept]


def _entry(text: str, aggregate_id: str) -> TimelineEntry:
    at, event, event_id = text.split(" ", PARTS - 1)
    return {"event": event, "event_id": _mapped(event_id, OWN_ID, aggregate_id), "at": at}


def _mapped(event_id: str, part: str, by: str) -> str:
    """Return an event's id with one of its parts replaced."""
    return "#".join(by if each == part else each for each in event_id.split("#"))
