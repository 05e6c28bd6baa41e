"""The events of a file for `orderctl events publish`: details, or whole entries of PutEvents with the usual mistakes found.

EventBridge accepts an entry with a source that no rule matches, or for a bus without rules, and says nothing: the event is
lost. So these are refused here, before anything is published.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from kernel import outside_json, schemas
from kernel.events import Detail, DomainEvent
from kernel.identifiers import CHANNEL, shown
from kernel.naming import CHANNEL_PREFIX
from kernel.outside_json import OutsideJsonError
from kernel.schemas import InvalidEventError
from operations.errors import FieldError, UserError
from services.order.functions import intake

DETAIL_TYPE: Final = "OrderPlaced"
ENTRY_FIELDS: Final = ("EventBusName", "Source", "DetailType", "Detail", "Time", "Resources", "TraceHeader")
"""The fields of an entry of PutEvents (EventBridge's API reference, `PutEventsRequestEntry`)."""
UNSENT: Final = "Nothing was published."
DEFAULT_CHANNEL: Final = "orderctl"


@dataclass(frozen=True)
class Entry:
    """An event of a channel, checked: it can be published."""

    source: str
    detail: Mapping[str, Any]


def read(document: object, channel: str | None, bus: Callable[[], str]) -> list[Entry]:
    """Return the events of a document: a detail `{metadata, data}`, an entry of PutEvents, a list of them, or `{"Entries"}`.

    A detail is published by `channel`; an entry states its source itself. `bus` returns the name of the stage's bus. Raises
    UserError that names the entry, the field, and what to do; FieldError if the detail does not match its schema.
    """
    whole = document["Entries"] if isinstance(document, Mapping) and "Entries" in document else document
    given = whole if isinstance(whole, list) else [whole]
    return [_entry(one, f"Event {position} of {len(given)}", channel, bus) for position, one in enumerate(given, 1)]


def _entry(given: object, where: str, channel: str | None, bus: Callable[[], str]) -> Entry:
    source, detail = CHANNEL_PREFIX + (channel or DEFAULT_CHANNEL), given
    if isinstance(given, Mapping) and not given.keys().isdisjoint(ENTRY_FIELDS):
        source, detail = _source(given, where, channel), _detail(given, where)
        _check_bus(given.get("EventBusName"), where, bus)
    try:
        schemas.validate(source, DETAIL_TYPE, detail)
        intake.check_ids(DomainEvent.from_parts(source, DETAIL_TYPE, cast(Detail, detail)))
    except InvalidEventError as error:
        hint = f"{UNSENT} Correct the event, then try again."
        raise FieldError(f"{where}: {error}", hint, error.field, error.reason) from error
    return Entry(source, cast(Detail, detail))


def _source(entry: Mapping[str, object], where: str, channel: str | None) -> str:
    """Return the source of an entry. Raises UserError for one that no rule matches, and for another one than the channel's."""
    source, wanted = entry.get("Source"), CHANNEL_PREFIX + (channel or "NAME")
    name = source.removeprefix(CHANNEL_PREFIX) if isinstance(source, str) and source.startswith(CHANNEL_PREFIX) else ""
    if not CHANNEL.fullmatch(name):
        said = "is missing" if source is None else f"is {shown(source)!r}"
        raise _mistake(where, "Source", said, f"no rule matches it, so no consumer would get the event. Write {wanted!r}")
    if channel not in (None, name):
        raise _mistake(where, "Source", f"is {shown(source)!r}", f"--channel is {channel!r}. Leave one of them out")
    return CHANNEL_PREFIX + name


def _check_bus(named: object, where: str, bus: Callable[[], str]) -> None:
    """Raise UserError unless an entry names the bus of the stage, by name or ARN."""
    wanted = bus()
    if named is None:
        why = f"the event would go to the account's default bus, which has no consumers. Write {wanted!r}"
        raise _mistake(where, "EventBusName", "is missing", why)
    if not isinstance(named, str) or named.rpartition("event-bus/")[2] != wanted:
        raise _mistake(where, "EventBusName", f"is {shown(named)!r}", f"the bus of this stage is {wanted!r}. Write that")


def _detail(entry: Mapping[str, object], where: str) -> object:
    """Return the detail of an entry, which PutEvents takes as a text in JSON. Raises UserError."""
    unknown = [name for name in entry if name not in ENTRY_FIELDS]
    if unknown:
        close = difflib.get_close_matches(str(unknown[0]), ENTRY_FIELDS, n=1)
        hint = f"PutEvents has no such field{f'; write {close[0]!r}' if close else ''}"
        raise _mistake(where, shown(unknown[0]), "is unknown", hint)
    if entry.get("DetailType") != DETAIL_TYPE:
        said = f"is {shown(entry['DetailType'])!r}" if "DetailType" in entry else "is missing"
        raise _mistake(where, "DetailType", said, f"a channel publishes {DETAIL_TYPE!r} only. Write that")
    detail = entry.get("Detail")
    if not isinstance(detail, str):
        raise _mistake(where, "Detail", "is not a text", "PutEvents takes the detail as JSON in a text: json.dumps(detail)")
    try:
        found: object = outside_json.read(detail)
    except OutsideJsonError as error:
        raise UserError(f"{where}: {error.about('Detail')}.", f"{UNSENT} Correct the event, then try again.") from error
    return found


def _mistake(where: str, field: str, said: str, why: str) -> UserError:
    return UserError(f"{where}: {field} {said}: {why}.", f"{UNSENT} docs/how-to/publish-an-order.md has an entry that works.")
