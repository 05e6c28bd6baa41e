"""The journal's rows: one for each time that an event was put on the bus."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, TypedDict
from zlib import crc32

from kernel import idempotency
from kernel.errors import RejectedError
from kernel.identifiers import PERSONAL, personal_field
from kernel.naming import CHANNEL_PREFIX

SHARDS: Final = 8
"""The number of partitions of the index `hour` over which one hour's events are spread."""
OF_AN_ORDER: Final = "ORDER#"
OF_NO_ORDER: Final = "EVENT#"
"""An event about no order has its own partition, so that a channel's feed does not fill one."""
HOUR_INDEX: Final = "hour"
EXPIRES: Final = "expires"
REDACTED: Final = "pm_redacted"
"""The replacement of a payment token, in a form that the schema of its event allows."""
MAX_KEY_BYTES: Final = {"pk": 2048, "sk": 1024}
"""The most bytes of DynamoDB's partition keys and sort keys."""
MAX_EVENT_BYTES: Final = 390 * 1024
"""The most bytes of an event. DynamoDB's items have at most 400 KB, keys and names included."""


class Text(TypedDict):
    """A text in DynamoDB's wire form."""

    S: str


class Number(TypedDict):
    """A number in DynamoDB's wire form: decimal text."""

    N: str


class JournalItem(TypedDict):
    """The row of one put, as an item for PutItem."""

    pk: Text
    sk: Text
    event: Text
    """The event as JSON."""
    put_at: Text
    """When the bus accepted the event, in RFC 3339 (UTC)."""
    size: Number
    """The length of `event` in bytes of UTF-8."""
    hour: Text
    """The partition of the index `hour`."""
    expires: Number
    """When DynamoDB deletes the row, in seconds since 1970."""


class Key(TypedDict):
    """A row's key."""

    pk: str
    sk: str


class NotJournaledError(RejectedError, ValueError):
    """An event that no row can hold. The text says why, without a value of the event."""


def item_of(event: Mapping[str, object], retention_days: int) -> JournalItem:
    """Return the row of one delivery of an EventBridge event, as an item for PutItem.

    The item may be put again. Its key has the bus's envelope id, which is new for each put on the bus, so a second delivery of
    one put is the same row. An event without our metadata is journaled by its envelope id, because the archive has it too.
    Raises NotJournaledError for an event that no row can hold.
    """
    text = json.dumps(without_secrets(event), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    try:
        time, key = _text(event["time"]), key_of(event)
        expires = int((datetime.fromisoformat(time) + timedelta(days=retention_days)).timestamp())
    except (KeyError, TypeError, ValueError, OverflowError):  # OverflowError: a time near the end of the year 9999
        raise NotJournaledError("is not an EventBridge event (id, time, source, detail)") from None
    for (name, limit), value in zip(MAX_KEY_BYTES.items(), (key["pk"], key["sk"]), strict=True):
        if len(value.encode()) > limit:
            raise NotJournaledError(f"has ids too long for a row's key: {name} has at most {limit} bytes")
    if len(text.encode()) > MAX_EVENT_BYTES:
        raise NotJournaledError(f"is longer than {MAX_EVENT_BYTES} bytes, the most that a row holds")
    if is_outside(event) and personal_field(event["detail"]) is not None:
        raise NotJournaledError(f"has an id that {PERSONAL}")
    shard = crc32(f"{key['pk']} {key['sk']}".encode()) % SHARDS
    return {
        "pk": {"S": key["pk"]},
        "sk": {"S": key["sk"]},
        "event": {"S": text},
        "put_at": {"S": time},
        "size": {"N": str(len(text.encode()))},
        "hour": {"S": hour(time[:13], shard)},
        "expires": {"N": str(expires)},
    }


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


def key_of(event: Mapping[str, object]) -> Key:
    """Return the row's key: its order (or its own id), then when it occurred, its source, id, version and put."""
    detail = event["detail"]
    metadata = detail.get("metadata") if isinstance(detail, dict) else None
    known = metadata if isinstance(metadata, dict) else {}
    occurred, event_id = known.get("occurred_at") or event["time"], known.get("event_id") or event["id"]
    order = known.get("order_id")
    version = known.get("event_version", 1)
    partition = f"{OF_AN_ORDER}{order}" if order else f"{OF_NO_ORDER}{event_id}"
    return {"pk": partition, "sk": f"{occurred}#{event['source']}#{event_id}#v{version}#{event['id']}"}


def _text(value: object) -> str:
    """Return the value if it is text, else raise TypeError."""
    if not isinstance(value, str):
        raise TypeError("must be text")
    return value


def is_outside(event: Mapping[str, object]) -> bool:
    """Return True if a channel published the event, so that its ids are not ours."""
    return str(event.get("source", "")).startswith(CHANNEL_PREFIX)


def hour(text: str, shard: int) -> str:
    """Return the index's partition for an hour such as `2026-11-23T04`."""
    return f"{text}#{shard}"
