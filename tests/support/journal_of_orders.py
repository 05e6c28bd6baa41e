"""A target with a journal of any number of orders in one hour. Its objects are made when they are read."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final, cast

from journal.lines import line_of
from kernel import clock
from kernel.aggregate_store import Item, marshal
from kernel.clients import AwsClient
from operations.aws.target import Target
from operations.economics import units
from operations.window import Window
from tests.support.choreography import ORDER, an_event

PATH: Final = "delivered"
"""The path whose events an order has."""
HOUR: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW: Final = Window(HOUR, HOUR + timedelta(hours=1))
MINUTES: Final = 60
PLACE: Final = "2026-11-23T12:00:00Z"
"""The time in a line that is replaced by the order's."""
CAUSE: Final = f"order#OrderPlaced#{ORDER}#0"
ENVELOPE: Final = "00000000-0000-4000-8000-000000000000"


class Body(io.RawIOBase):
    """The body of an object that is made line by line, as a stream of bytes."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self.rest, self.more = b"", lines

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.rest = self.rest or next(self.more, b"")
        part, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


@dataclass
class Objects:
    """S3's client with the journal of the orders: an object for each minute and delivery stream."""

    orders: int
    streams: int
    read: int = 0
    """How many objects were read."""
    lines: list[str] = field(default_factory=lambda: list(lines_of_an_order()))

    def get_paginator(self, operation: str) -> SimpleNamespace:
        assert operation == "list_objects_v2"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, Prefix: str, **request: str) -> Iterator[Mapping[str, object]]:  # noqa: N803 - as boto3 names it
        for minute in range(MINUTES):
            written = f"{HOUR + timedelta(minutes=minute):%Y-%m-%d-%H-%M-%S}"
            keys = [f"{Prefix}{stream}-1-{written}-{minute}" for stream in range(self.streams)]
            yield {"Contents": [{"Key": key} for key in keys]}

    def get_object(self, **request: str) -> Mapping[str, Body]:
        self.read += 1
        stream, *_, minute = request["Key"].rpartition("/")[2].split("-")
        return {"Body": Body(self._lines(int(minute), int(stream)))}

    def _lines(self, minute: int, stream: int) -> Iterator[bytes]:
        for number in range(minute * self.orders // MINUTES, (minute + 1) * self.orders // MINUTES):
            order, moment = order_id(number), clock.rfc3339(placed_at(number, self.orders))
            for place in range(stream, len(self.lines), self.streams):
                envelope = f"{number:08x}-0000-4000-8000-{place:012x}"
                text = self.lines[place].replace(ORDER, order).replace(ENVELOPE, envelope)
                yield text.replace(PLACE, f"{moment[:19]}Z").encode()


@dataclass(frozen=True)
class JournalOfOrders(Target):
    """The target. Its stage has the orders' own rows, no rule, no replay, and no queue."""

    orders: int = 1
    streams: int = 2
    objects: Objects = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "objects", Objects(self.orders, self.streams))

    def client(self, service: str, **config: object) -> AwsClient:
        empty = SimpleNamespace(paginate=lambda **request: iter(()))
        absent: dict[str, object] = {"batch_get_item": lambda **request: {"Responses": {}}}
        tables = absent | {"get_item": self._row, "describe_table": lambda **request: {"Table": {"CreationDateTime": HOUR}}}
        nothing = {"get_paginator": lambda operation: empty, "list_replays": lambda **request: {"Replays": []}}
        return cast(AwsClient, self.objects if service == "s3" else SimpleNamespace(**tables, **nothing))

    def parameter(self, name: str) -> str:
        return name

    def _row(self, Key: Item, **request: object) -> Mapping[str, Item]:  # noqa: N803 - as boto3 names it
        kind, _, order = Key["pk"]["S"].partition("#")
        if kind != "ORDER":
            return {}
        moment = clock.rfc3339(placed_at(int(order.removeprefix("ord-")), self.orders))
        timeline = [{"event": "OrderPlaced", "event_id": CAUSE.replace(ORDER, order), "at": moment}]
        times = {"created_at": moment, "updated_at": moment, "timeline": timeline}
        return {"Item": marshal({"pk": f"ORDER#{order}", "order_id": order, "placed_by": "api", **times})}


def order_id(number: int) -> str:
    """Return the id of an order by its number, as long as a real one."""
    return f"ord-{number:026}"


def placed_at(number: int, orders: int) -> datetime:
    """Return the time of an order: they are spread over the hour."""
    return HOUR + timedelta(seconds=number * 3600 // orders)


def lines_of_an_order() -> Iterator[str]:
    """Yield the lines of an order's events: those that the simulation counted, with the data of their schemas' examples."""
    for spent in units.counted()[PATH].lines:
        if spent.unit == "eventbridge.event":
            detail_type = spent.where.partition(" ")[0]
            event = an_event(spent.by, detail_type)
            detail = cast(dict[str, dict[str, str]], event["detail"])
            for time in range(int(spent.quantity)):
                detail["metadata"]["event_id"] = f"{spent.by}#{detail_type}#{ORDER}#{time}"
                detail["metadata"]["causation_id"] = CAUSE
                yield line_of({**event, "id": ENVELOPE, "time": PLACE}, HOUR).text
