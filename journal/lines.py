"""The journal's lines: an event as JSON, one for each time that the bus accepted it, and the hour of its object."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kernel import idempotency
from kernel.errors import RejectedError
from kernel.identifiers import PERSONAL, personal_field
from kernel.naming import CHANNEL_PREFIX

EVENTS: Final = "events/"
"""The prefix of the objects of events. The hour follows: `events/2026-11-23T04/`."""
ERRORS: Final = "errors/"
"""The prefix of the objects of records that became no line."""
HOUR_CHARACTERS: Final = len("2026-11-23T04")
REDACTED: Final = "pm_redacted"
"""The replacement of a payment token, in a form that the schema of its event allows."""
FARTHEST: Final = timedelta(hours=26)
"""The most between the time of an event and its arrival. EventBridge tries a delivery for 24 hours. A publisher may state any
time, and each hour that is written at once is an open partition of the delivery stream, which has at most 500."""


class NotJournaledError(RejectedError, ValueError):
    """An event that the journal does not keep. The text says why, without a value of the event."""


@dataclass(frozen=True)
class Line:
    """An event as JSON with a line feed, and its hour in UTC, such as `2026-11-23T04`."""

    text: str
    hour: str


def line_of(event: Mapping[str, object], arrived: datetime) -> Line:
    """Return the line of one delivery of an EventBridge event that arrived at a time.

    A second delivery of one put is the same line: the bus's envelope id is new for each put, and readers count by it. An event
    without our metadata is journaled too, because the archive has it. Raises NotJournaledError.
    """
    if not all(isinstance(event.get(name), str) for name in ("id", "time", "source", "detail-type")) or "detail" not in event:
        raise NotJournaledError("is not an EventBridge event (id, time, source, detail-type, detail)")
    time = str(event["time"])
    try:
        away = abs(datetime.fromisoformat(time) - arrived)
    except (TypeError, ValueError, OverflowError):
        raise NotJournaledError("has a time that is not RFC 3339 in UTC") from None
    if not time.endswith("Z"):
        raise NotJournaledError("has a time that is not RFC 3339 in UTC")
    if away > FARTHEST:
        raise NotJournaledError(f"has a time over {FARTHEST // timedelta(hours=1)} hours from its arrival")
    if is_outside(event) and personal_field(event["detail"]) is not None:
        raise NotJournaledError(f"has an id that {PERSONAL}")
    text = json.dumps(without_secrets(event), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return Line(f"{text}\n", time[:HOUR_CHARACTERS])


def without_secrets(event: Mapping[str, object]) -> Mapping[str, object]:
    """Return the event without the payment token and the idempotency key that a channel's OrderPlaced carries.

    No copy of either is kept here. The key's hash stands in its place, from which the order's id follows.
    """
    detail = event.get("detail")
    if not isinstance(detail, dict) or not isinstance(data := detail.get("data"), dict):
        return event
    kept = dict(data)
    if "payment_token" in data:
        kept["payment_token"] = REDACTED
    channel = str(event.get("source", "")).removeprefix(CHANNEL_PREFIX)
    if is_outside(event) and isinstance(key := data.get("idempotency_key"), str):
        kept["idempotency_key"] = idempotency.journaled(idempotency.channel_scope(channel), key)
    return event if kept == data else {**event, "detail": {**detail, "data": kept}}


def is_outside(event: Mapping[str, object]) -> bool:
    """Return True if a channel published the event, so that its ids are not ours."""
    return str(event.get("source", "")).startswith(CHANNEL_PREFIX)
