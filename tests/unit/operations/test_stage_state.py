"""A stage is idle only when nothing moves at any moment, also not between two reads of one look."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeSerializer

from operations.aws import stage_state
from operations.aws.target import Target

Event = Callable[[], None]
FULFILLED = {"pk": "ORDER#1", "status": "CONFIRMED", "version": 5, "pending": ["OrderFulfilled"]}
CONFIRMED = {"pk": "ORDER#1", "status": "CONFIRMED", "version": 4}
TABLES = ("inventory/table-name", "order/table-name", "shipping/table-name")
DELIVERED = {"pk": "SHIP#1", "status": "DELIVERED", "version": 4, "pending": ["ShipmentDelivered"]}


@dataclass
class Reads:
    """Tables that answer scans, and run `before[n]` before the n-th of them."""

    tables: dict[str, dict[str, dict[str, Any]]]
    before: Mapping[int, Event]
    scans: int = 0

    def get_paginator(self, _: str) -> "Reads":
        return self

    def paginate(self, **scan: Any) -> Iterator[dict[str, Any]]:
        self.scans += 1
        self.before.get(self.scans, lambda: None)()
        to_wire = TypeSerializer().serialize
        found = self.tables.get(scan["TableName"], {}).values()
        yield {"Items": [{name: to_wire(value) for name, value in row.items()} for row in found]}


@dataclass
class Parameters:
    """Parameters that name tables, and no queue."""

    def get_paginator(self, _: str) -> "Parameters":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Parameters": [{"Name": f"/orderflow/dev/{table}", "Value": table} for table in TABLES]}]


@dataclass(frozen=True)
class Stage(Target):
    """A stage of two orders' tables."""

    reads: Reads = field(default_factory=lambda: Reads({}, {}))

    def client(self, service: str, **config: object) -> Any:
        return self.reads if service == "dynamodb" else Parameters()

    def parameter(self, name: str) -> str:
        return name


def stage(order: dict[str, Any], shipment: dict[str, Any], before: Mapping[int, Event]) -> Stage:
    return Stage(reads=Reads({"order/table-name": {"1": order}, "shipping/table-name": {"1": shipment}}, before))


def scan_of(table: str) -> int:
    return TABLES.index(table) + 1


def test_an_event_that_moves_to_a_row_already_read_is_in_flight() -> None:
    """The order is read before the parcel's event reaches it, the parcel after its event has gone."""
    one: Stage

    def the_event_arrives() -> None:
        tables = one.reads.tables
        tables["shipping/table-name"]["1"] = {**DELIVERED, "pending": []}
        tables["order/table-name"]["1"] = FULFILLED

    one = stage(CONFIRMED, DELIVERED, {scan_of("shipping/table-name"): the_event_arrives})
    assert stage_state.in_flight(one) == ["ORDER#1"]


def test_a_row_that_changes_between_two_looks_is_in_flight() -> None:
    one: Stage

    def a_row_changes() -> None:
        one.reads.tables["order/table-name"]["1"] = {**CONFIRMED, "version": 5}

    one = stage(CONFIRMED, {**DELIVERED, "pending": []}, {len(TABLES) + 1: a_row_changes})
    assert stage_state.in_flight(one) == ["rows that changed between two looks"]
    assert stage_state.in_flight(one) == []


def test_an_event_pending_in_a_row_is_in_flight() -> None:
    assert stage_state.in_flight(stage(CONFIRMED, DELIVERED, {})) == ["SHIP#1"]
