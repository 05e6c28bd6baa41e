"""The relay: from a row's outbox to a bus that refuses, forgets and is raced."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.kernel import clock
from services.kernel.relay import Outbox, publish, relay_records, republish
from services.kernel.rows import Cause, Change, Row, Rows, marshal
from services.payment.states import TRANSITIONS
from tests.unit.kernel.events_at_hand import TOTAL, authorized
from tests.unit.tables import create_table

CAUSE = Cause("correlation-1", "request-1")


@dataclass
class Bus:
    """Stands in for EventBridge: takes what `refuses` does not refuse, and remembers each call."""

    refuses: Callable[[str], bool] = lambda event_id: False
    calls: list[list[str]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert 1 <= len(Entries) <= 10
        results = []
        self.calls.append([event_id_of(entry) for entry in Entries])
        for entry in Entries:
            if self.refuses(event_id_of(entry)):
                results.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "later"})
            else:
                self.taken.append(entry)
                results.append({"EventId": str(len(self.taken))})
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}

    @property
    def taken_ids(self) -> list[str]:
        return [event_id_of(entry) for entry in self.taken]


def event_id_of(entry: dict[str, Any]) -> str:
    return str(json.loads(entry["Detail"])["metadata"]["event_id"])


def refuse_times(times: int, *event_ids: str) -> Callable[[str], bool]:
    """Refuse these events so many times each, then take them."""
    left = Counter(dict.fromkeys(event_ids, times))

    def refuses(event_id: str) -> bool:
        left[event_id] -= 1
        return left[event_id] >= 0

    return refuses


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def outbox(dynamodb: Any, bus: Bus) -> Outbox:
    create_table(dynamodb, "payments")
    return Outbox(dynamodb, bus, "payments", "orders-bus")


@pytest.fixture
def rows(outbox: Outbox) -> Rows:
    return Rows(outbox.dynamodb, "payments", TRANSITIONS)


def order(number: int) -> str:
    return "ord-" + "abcdefghijklmnopqrstuvwxyz"[number] * 26


def event_id(number: int, version: int = 2) -> str:
    return f"PAY#{order(number)}#{version}"


def step(rows: Rows, number: int, name: str) -> Row:
    """Take one step of payment `number`, whose version 2 and 4 have events."""
    changes = {
        "intend_authorize": Change(TRANSITIONS["intend_authorize"], set={"order_id": order(number)}),
        "authorize": Change(TRANSITIONS["authorize"], data={"total": TOTAL}),
        "intend_capture": Change(TRANSITIONS["intend_capture"]),
        "capture": Change(TRANSITIONS["capture"], data={"total": TOTAL}),
    }
    return rows.write(order(number), rows.get(order(number)), changes[name], CAUSE)


def authorize(rows: Rows, number: int) -> Row:
    step(rows, number, "intend_authorize")
    return step(rows, number, "authorize")


def capture(rows: Rows, number: int) -> Row:
    step(rows, number, "intend_capture")
    return step(rows, number, "capture")


def record(image: Row, sequence: int = 1) -> dict[str, Any]:
    """The stream record of a row as it was written."""
    return {
        "eventName": "MODIFY",
        "dynamodb": {"SequenceNumber": str(sequence), "NewImage": marshal(image)},
    }


def pending(rows: Rows, number: int) -> list[str]:
    row = rows.get(order(number))
    assert row
    return [json.loads(text)["detail"]["metadata"]["event_id"] for text in row.get("pending", [])]


def test_an_event_goes_on_the_bus_as_it_waited(outbox: Outbox, bus: Bus) -> None:
    event = authorized()

    assert publish(outbox, [event.to_outbox()]) == {event.to_outbox()}

    [entry] = bus.taken
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == (
        "orders-bus",
        "orderflow.payment",
        "PaymentAuthorized",
    )
    assert json.loads(entry["Detail"]) == event.detail()
    assert "Time" not in entry


def test_ten_events_at_most_go_in_a_call(outbox: Outbox, bus: Bus) -> None:
    texts = [authorized(version).to_outbox() for version in range(23)]

    assert publish(outbox, texts) == set(texts)
    assert [len(call) for call in bus.calls] == [10, 10, 3]


def test_only_the_refused_events_are_put_again(outbox: Outbox, bus: Bus) -> None:
    texts = [authorized(version).to_outbox() for version in range(3)]
    second = authorized(1).event_id
    bus.refuses = refuse_times(1, second)

    assert publish(outbox, texts) == set(texts)
    assert [len(call) for call in bus.calls] == [3, 1]
    assert bus.calls[1] == [second]


def test_what_the_bus_keeps_refusing_is_given_up_after_three_puts(outbox: Outbox, bus: Bus) -> None:
    good, bad = authorized(1), authorized(2)
    bus.refuses = refuse_times(99, bad.event_id)

    assert publish(outbox, [good.to_outbox(), bad.to_outbox()]) == {good.to_outbox()}
    assert bus.calls == [[good.event_id, bad.event_id], [bad.event_id], [bad.event_id]]


def test_a_published_row_has_an_empty_outbox(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    row = authorize(rows, 0)

    assert relay_records(outbox, [record(row)]) == {"batchItemFailures": []}

    assert bus.taken_ids == [event_id(0)]
    after = rows.get(order(0))
    assert after and not {"pending", "pending_since", "pending_shard"} & after.keys()
    assert after["version"] == row["version"]


def test_records_with_nothing_pending_are_passed_over(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    row = step(rows, 0, "intend_authorize")
    removed = {"eventName": "REMOVE", "dynamodb": {"SequenceNumber": "2"}}

    assert relay_records(outbox, [record(row), removed]) == {"batchItemFailures": []}
    assert bus.calls == []


def test_a_poison_event_is_reported_alone(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    records = [record(authorize(rows, number), number) for number in range(3)]
    bus.refuses = refuse_times(99, event_id(1))

    assert relay_records(outbox, records) == {"batchItemFailures": [{"itemIdentifier": "1"}]}

    assert bus.taken_ids == [event_id(0), event_id(2)]
    assert [pending(rows, number) for number in range(3)] == [[], [event_id(1)], []]


def test_an_event_that_joins_before_the_clearing_is_not_lost(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    first = authorize(rows, 0)
    second = capture(rows, 0)  # before the relay came to the first record

    relay_records(outbox, [record(first, 1)])
    assert pending(rows, 0) == [event_id(0, 2), event_id(0, 4)]

    relay_records(outbox, [record(second, 2)])
    assert pending(rows, 0) == []
    assert set(bus.taken_ids) == {event_id(0, 2), event_id(0, 4)}


def test_both_records_of_a_row_in_one_batch_put_each_event_once(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    first, second = authorize(rows, 0), capture(rows, 0)

    assert relay_records(outbox, [record(first, 1), record(second, 2)]) == {"batchItemFailures": []}

    assert bus.taken_ids == [event_id(0, 2), event_id(0, 4)]
    assert pending(rows, 0) == []


def test_a_record_delivered_again_clears_nothing_newer(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    first = authorize(rows, 0)
    relay_records(outbox, [record(first)])
    capture(rows, 0)

    assert relay_records(outbox, [record(first)]) == {"batchItemFailures": []}

    assert pending(rows, 0) == [event_id(0, 4)]


class InTransaction:
    """A DynamoDB in which a transaction holds one row, so that another write to it is refused."""

    def __init__(self, client: Any, pk: str) -> None:
        self.client = client
        self.pk = pk

    def update_item(self, **update: Any) -> Any:
        if update["Key"] == {"pk": {"S": self.pk}}:
            raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": "ongoing"}}, "UpdateItem")
        return self.client.update_item(**update)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def test_a_row_that_a_transaction_holds_is_reported_alone(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    records = [record(authorize(rows, number), number) for number in range(3)]
    busy = Outbox(InTransaction(outbox.dynamodb, f"PAY#{order(1)}"), bus, "payments", "orders-bus")

    assert relay_records(busy, records) == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert [pending(rows, number) for number in range(3)] == [[], [event_id(1)], []]

    assert relay_records(outbox, records[1:]) == {"batchItemFailures": []}
    assert pending(rows, 1) == []


def test_a_row_that_a_transaction_holds_does_not_stop_the_sweep(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    for number in range(3):
        authorize(rows, number)
    busy = Outbox(InTransaction(outbox.dynamodb, f"PAY#{order(1)}"), bus, "payments", "orders-bus")

    with clock.held_by(lambda: datetime.now(UTC) + timedelta(minutes=5)):
        assert republish(busy, timedelta(minutes=2)) == 3

    assert [pending(rows, number) for number in range(3)] == [[], [event_id(1)], []]


def test_what_the_relay_left_behind_is_published_again(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    with clock.held_by(lambda: noon):
        for number in range(6):
            authorize(rows, number)
    with clock.held_by(lambda: noon + timedelta(minutes=3)):
        authorize(rows, 6)
    with clock.held_by(lambda: noon + timedelta(minutes=4)):
        assert republish(outbox, timedelta(minutes=2)) == 6
        assert republish(outbox, timedelta(minutes=2)) == 0

    assert set(bus.taken_ids) == {event_id(number) for number in range(6)}
    assert [pending(rows, number) for number in range(7)] == [[]] * 6 + [[event_id(6)]]


def test_what_the_bus_refuses_stays_pending(outbox: Outbox, bus: Bus, rows: Rows) -> None:
    authorize(rows, 0)
    authorize(rows, 1)
    bus.refuses = refuse_times(99, event_id(0))

    with clock.held_by(lambda: datetime.now(UTC) + timedelta(minutes=5)):
        assert republish(outbox, timedelta(minutes=2)) == 1

    assert [pending(rows, number) for number in range(2)] == [[event_id(0)], []]
