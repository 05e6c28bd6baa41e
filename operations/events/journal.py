"""The published events, read from the journal. The archive can only be replayed: it shows no more than a count and a size."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import Any, Final, TypedDict, cast

from journal.items import EXPIRES, HOUR_INDEX, OF_AN_ORDER, OF_NO_ORDER, SHARDS, hour
from kernel import clock, outside_json
from kernel.clients import AwsClient
from operations.aws.target import Target
from operations.window import Window

TABLE: Final = "journal/table-name"


Item = Mapping[str, Mapping[str, str]]
"""An item as DynamoDB returns it: the type and the text of each attribute."""
BusEvent = TypedDict("BusEvent", {"id": str, "source": str, "detail-type": str, "detail": Any})
"""An event as the bus delivers it. Its `detail` is a JSON value; `metadata` and `data` are in that of a domain event."""


@dataclass(frozen=True)
class Published:
    """An event as the bus first delivered it, when that was, its size in bytes, and how often it was put on the bus."""

    event: BusEvent
    put_at: str
    size: int
    times_put: int

    @property
    def event_id(self) -> str:
        """The domain event's own id, or the envelope's of an event without one."""
        return str(self.metadata.get("event_id") or self.event["id"])

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The event's metadata; empty if it has none."""
        detail = self.event["detail"]
        metadata = detail.get("metadata") if isinstance(detail, dict) else None
        return metadata if isinstance(metadata, dict) else {}

    @property
    def detail_type(self) -> str:
        """The type of the event."""
        return str(self.event["detail-type"])

    @property
    def version(self) -> int:
        """The version of its schema; several of one event may have been published side by side. 1 if it states none."""
        version = self.metadata.get("event_version")
        return version if isinstance(version, int) else 1

    @property
    def source(self) -> str:
        """The source of the event."""
        return str(self.event["source"])

    @property
    def identity(self) -> tuple[str, str, int]:
        """The source, id and version of the event: equal for each time that it was put."""
        return self.source, self.event_id, self.version


def in_window(target: Target, window: Window, progress: Callable[[int], None] = lambda hours: None) -> Iterator[Published]:
    """Yield each put of an event in the window, the earliest first. `progress` receives the number of hours read.

    An event that was put twice comes twice. At most two pages of each shard are in memory.
    """
    table, client = target.parameter(TABLE), target.client("dynamodb", max_pool_connections=SHARDS)
    with ThreadPoolExecutor(SHARDS) as pool:
        for done, at in enumerate(_hours(window), start=1):
            shards = [_of_shard(pool, client, table, hour(f"{at:%Y-%m-%dT%H}", shard)) for shard in range(SHARDS)]
            for put in heapq.merge(*shards, key=attrgetter("put_at")):
                if window.start <= clock.from_rfc3339(put.put_at) < window.end:
                    yield put
            progress(done)


def _of_shard(pool: ThreadPoolExecutor, client: AwsClient, table: str, name: str) -> Iterator[Published]:
    """Yield the puts of one shard of an hour by time. Each page is read while the one before is used."""
    pages = _query(client, table, "#hour = :key", name, {"#hour": "hour"}, IndexName=HOUR_INDEX)
    upcoming = pool.submit(next, pages, None)
    while (page := upcoming.result()) is not None:
        upcoming = pool.submit(next, pages, None)
        yield from _published(page)


def of_order(target: Target, order_id: str) -> list[Published]:
    """Return the events about an order, by when they were first put."""
    return _partition(target, f"{OF_AN_ORDER}{order_id}")


def of_no_order(target: Target, event_id: str) -> list[Published]:
    """Return the event of that id if it is about no order: a channel's OrderPlaced before it became one."""
    return _partition(target, f"{OF_NO_ORDER}{event_id}")


def _partition(target: Target, key: str) -> list[Published]:
    client = target.client("dynamodb")
    pages = _query(client, target.parameter(TABLE), "pk = :key", key, {}, ConsistentRead=True)
    return _grouped(chain.from_iterable(map(_published, pages)))


def _grouped(puts: Iterable[Published]) -> list[Published]:
    """Return one of each event and version, by its first put, with the number of its puts."""
    first: dict[tuple[str, str, int], Published] = {}
    times: Counter[tuple[str, str, int]] = Counter()
    for put in sorted(puts, key=lambda put: (put.put_at, put.event_id, put.event["id"])):
        first.setdefault(put.identity, put)
        times[put.identity] += 1
    return [replace(put, times_put=times[key]) for key, put in first.items()]


def _query(
    client: AwsClient, table: str, condition: str, key: str, names: Mapping[str, str], **more: object
) -> Iterator[list[Item]]:
    """Yield the pages of a query."""
    request = {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {":key": {"S": key}},
        **more,
    }
    for page in client.get_paginator("query").paginate(**request, **({"ExpressionAttributeNames": names} if names else {})):
        yield page["Items"]


def _published(items: Iterable[Item]) -> Iterator[Published]:
    """DynamoDB deletes what has expired some time after: until then, it is left out here."""
    now = clock.now().timestamp()
    for item in items:
        if int(item[EXPIRES]["N"]) > now:
            event = cast(BusEvent, outside_json.read_object(item["event"]["S"]))
            yield Published(event, item["put_at"]["S"], int(item["size"]["N"]), 1)


def _hours(window: Window) -> Iterator[datetime]:
    at = window.start.replace(minute=0, second=0, microsecond=0)
    while at < window.end:
        yield at
        at += timedelta(hours=1)
