"""What the journal keeps of an event: a row for each event, whatever number of times it was put on the bus."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zlib import crc32

SHARDS: Final = 8
"""An hour's events are spread over so many partitions of the index `hour`."""
OF_AN_ORDER: Final = "ORDER#"
OF_NO_ORDER: Final = "EVENT#"
"""The partition of an event about no order is its own, so that a channel's feed does not fill one."""
HOUR_INDEX: Final = "hour"
EXPIRES: Final = "expires"


def put_of(event: Mapping[str, Any], retention_days: int) -> dict[str, Any]:
    """UpdateItem's request, but for the table, that journals one delivery of an EventBridge event.

    It may be repeated: what was put is told by the bus's envelope ids, a set, so a second delivery of one put adds nothing, and
    a second put of one event adds its id to the event's row. The first put's text, time and size stay.
    An event without our metadata is journaled as well, by its envelope id, for the archive has it too.
    Raises KeyError and ValueError for what is no EventBridge event.
    """
    text = json.dumps(event, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    time, key = event["time"], key_of(event)
    expires = datetime.fromisoformat(time) + timedelta(days=retention_days)
    shard = crc32(f"{key['pk']} {key['sk']}".encode()) % SHARDS
    once = {
        "event": {"S": text},
        "put_at": {"S": time},
        "size": {"N": str(len(text.encode()))},
        "hour": {"S": hour(time[:13], shard)},
        EXPIRES: {"N": str(int(expires.timestamp()))},
    }
    return {
        "Key": {name: {"S": value} for name, value in key.items()},
        "UpdateExpression": "SET "
        + ", ".join(f"#{name} = if_not_exists(#{name}, :{name})" for name in once)
        + " ADD #envelope_ids :envelope_ids",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*once, "envelope_ids")},
        "ExpressionAttributeValues": {
            **{f":{name}": value for name, value in once.items()},
            ":envelope_ids": {"SS": [event["id"]]},
        },
    }


def key_of(event: Mapping[str, Any]) -> dict[str, str]:
    """The row's key: its order, and in it when it occurred, who says so, the event's id and version. Of no order: its id."""
    detail = event["detail"]
    metadata = detail.get("metadata") if isinstance(detail, dict) else None
    known = metadata if isinstance(metadata, dict) else {}
    occurred, event_id = known.get("occurred_at") or event["time"], known.get("event_id") or event["id"]
    order = known.get("order_id")
    version = known.get("event_version", 1)
    partition = f"{OF_AN_ORDER}{order}" if order else f"{OF_NO_ORDER}{event_id}"
    return {"pk": partition, "sk": f"{occurred}#{event['source']}#{event_id}#v{version}"}


def hour(text: str, shard: int) -> str:
    """The index's partition for an hour such as `2026-11-23T04`."""
    return f"{text}#{shard}"


def times_put(row: Mapping[str, Any]) -> int:
    """How often a row's event was put on the bus."""
    return len(row["envelope_ids"]["SS"])
