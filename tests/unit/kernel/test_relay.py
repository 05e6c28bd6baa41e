"""The relay: from a row's outbox to a bus that refuses, forgets and is raced."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from kernel import clock
from kernel.aggregate_store import AggregateStore, Causation, Decision, Row, marshal, shard_of
from kernel.relay import BusUnavailableError, Outbox, publish, relay_records, republish
from kernel.table_pass import Slice, slice_at
from services.payment.domain.states import TRANSITIONS
from tests.support.outboxes import event_ids, events_in
from tests.support.sample_events import TOTAL, authorized
from tests.support.tables import create_table

CAUSE = Causation("correlation-1", "request-1")


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
def rows(outbox: Outbox) -> AggregateStore:
    return AggregateStore(outbox.dynamodb, "payments", TRANSITIONS)


def order(number: int) -> str:
    return "ord-" + "abcdefghijklmnopqrstuvwxyz"[number] * 26


def event_id(number: int, version: int = 2) -> str:
    return f"PAY#{order(number)}#{version}"


def step(rows: AggregateStore, number: int, name: str) -> Row:
    """Take one step of payment `number`; its versions 2 and 4 have events."""
    changes = {
        "intend_authorize": Decision(TRANSITIONS["intend_authorize"], set={"order_id": order(number)}),
        "authorize": Decision(TRANSITIONS["authorize"], data={"total": TOTAL}),
        "intend_capture": Decision(TRANSITIONS["intend_capture"]),
        "capture": Decision(TRANSITIONS["capture"], data={"total": TOTAL}),
    }
    return rows.write(order(number), rows.get(order(number)), changes[name], CAUSE)


def authorize(rows: AggregateStore, number: int) -> Row:
    step(rows, number, "intend_authorize")
    return step(rows, number, "authorize")


def capture(rows: AggregateStore, number: int) -> Row:
    step(rows, number, "intend_capture")
    return step(rows, number, "capture")


def record(image: Row, sequence: int = 1) -> dict[str, Any]:
    """Return the stream record of a row's write."""
    return {
        "eventName": "MODIFY",
        "dynamodb": {"SequenceNumber": str(sequence), "NewImage": marshal(image)},
    }


def pending(rows: AggregateStore, number: int) -> list[str]:
    row = rows.get(order(number))
    assert row
    return event_ids(row.get("pending", []))


def test_event_is_published_as_it_was_stored(outbox: Outbox, bus: Bus) -> None:
    event = authorized()

    assert publish(outbox, [event.to_outbox()]).accepted == {event.to_outbox()}

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

    assert publish(outbox, texts).accepted == set(texts)
    assert [len(call) for call in bus.calls] == [10, 10, 3]


def test_only_the_refused_events_are_put_again(outbox: Outbox, bus: Bus) -> None:
    texts = [authorized(version).to_outbox() for version in range(3)]
    second = authorized(1).event_id
    bus.refuses = refuse_times(1, second)

    assert publish(outbox, texts).accepted == set(texts)
    assert [len(call) for call in bus.calls] == [3, 1]
    assert bus.calls[1] == [second]


def test_refused_event_is_given_up_after_three_puts(outbox: Outbox, bus: Bus) -> None:
    good, bad = authorized(1), authorized(2)
    bus.refuses = refuse_times(99, bad.event_id)

    assert publish(outbox, [good.to_outbox(), bad.to_outbox()]).accepted == {good.to_outbox()}
    assert bus.calls == [[good.event_id, bad.event_id], [bad.event_id], [bad.event_id]]


def test_a_published_row_has_an_empty_outbox(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    row = authorize(rows, 0)

    assert relay_records(outbox, [record(row)]).response() == {"batchItemFailures": []}

    assert bus.taken_ids == [event_id(0)]
    after = rows.get(order(0))
    assert after
    assert not {"pending", "pending_since", "pending_shard"} & after.keys()
    assert after["version"] == row["version"]


def test_records_with_nothing_pending_are_passed_over(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    row = step(rows, 0, "intend_authorize")
    removed = {"eventName": "REMOVE", "dynamodb": {"SequenceNumber": "2"}}

    assert relay_records(outbox, [record(row), removed]).response() == {"batchItemFailures": []}
    assert bus.calls == []


def test_a_poison_event_is_reported_alone(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    records = [record(authorize(rows, number), number) for number in range(3)]
    bus.refuses = refuse_times(99, event_id(1))

    assert relay_records(outbox, records).response() == {"batchItemFailures": [{"itemIdentifier": "1"}]}

    assert bus.taken_ids == [event_id(0), event_id(2)]
    assert [pending(rows, number) for number in range(3)] == [[], [event_id(1)], []]


def test_event_added_before_the_outbox_is_cleared_is_kept(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    first = authorize(rows, 0)
    second = capture(rows, 0)  # before the relay came to the first record

    relay_records(outbox, [record(first, 1)])
    after = rows.get(order(0))
    assert after
    assert (event_ids(after["pending"]), "pending_shard" in after) == ([event_id(0, 4)], False)

    relay_records(outbox, [record(second, 2), record(after, 3)])
    assert pending(rows, 0) == []
    assert bus.taken_ids == [event_id(0, 2), event_id(0, 4)]


@pytest.mark.parametrize("batches", [[1, 1, 1, 1], [1, 2, 1], [1, 3], [2, 1, 1], [2, 2], [3, 1], [4]])
def test_no_event_is_put_twice_however_the_records_are_batched(
    outbox: Outbox, bus: Bus, rows: AggregateStore, batches: list[int]
) -> None:
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    images = []
    for seconds, name in enumerate(("intend_authorize", "authorize", "intend_capture", "capture")):
        with clock.use_source(lambda seconds=seconds: noon + timedelta(seconds=seconds)):  # type: ignore[misc]
            images.append(step(rows, 0, name))
    with clock.use_source(lambda: noon + timedelta(minutes=1)):
        for size in batches:
            batch, images = images[:size], images[size:]
            relay_records(outbox, [record(image, at) for at, image in enumerate(batch)])
            images += [row for row in [rows.get(order(0))] if row and "pending" in row]  # the write of the relay itself

    assert bus.taken_ids == [event_id(0, 2), event_id(0, 4)]
    assert pending(rows, 0) == []


def test_row_that_cannot_be_read_is_published_as_its_record_shows_it(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    authorize(rows, 0)
    with clock.use_source(lambda: datetime.now(UTC) + timedelta(seconds=1)):
        image = step(rows, 0, "intend_capture")

    assert relay_records(Outbox(Unreadable(outbox.dynamodb), bus, "payments", "orders-bus"), [record(image)]).failed == []

    assert bus.taken_ids == [event_id(0)]
    assert pending(rows, 0) == []


def test_both_records_of_a_row_in_one_batch_put_each_event_once(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    first, second = authorize(rows, 0), capture(rows, 0)

    assert relay_records(outbox, [record(first, 1), record(second, 2)]).response() == {"batchItemFailures": []}

    assert bus.taken_ids == [event_id(0, 2), event_id(0, 4)]
    assert pending(rows, 0) == []


class Unreadable:
    """A DynamoDB in which no row can be read."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def get_item(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "later"}}, "GetItem")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


class CountingDynamoDB:
    """A DynamoDB that counts the updates."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.updates = 0

    def update_item(self, **update: Any) -> Any:
        self.updates += 1
        return self.client.update_item(**update)


def test_published_events_of_one_cause_share_a_line(
    outbox: Outbox, rows: AggregateStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for number in range(2):
        authorize(rows, number)
    relay_records(outbox, [record(capture(rows, number), number) for number in range(2)])

    logged = [line.__dict__ for line in caplog.records if line.message == "events published"]
    assert [line["order_id"] for line in logged] == [order(0), order(1)]
    assert [line["causation_id"] for line in logged] == [CAUSE.causation_id] * 2
    assert logged[0]["events"] == {event_id(0): "PaymentAuthorized", event_id(0, 4): "PaymentCaptured"}


def test_outbox_lag_is_the_age_of_the_oldest_event_that_a_sweeper_finds(
    outbox: Outbox, rows: AggregateStore, capsys: pytest.CaptureFixture[str]
) -> None:
    now = clock.now()
    for number, seconds in enumerate((150, 400, 300)):
        with clock.use_source(lambda seconds=seconds: now - timedelta(seconds=seconds)):  # type: ignore[misc]
            authorize(rows, number)
    with clock.use_source(lambda: now):
        republish(outbox, timedelta(minutes=2))
        republish(outbox, timedelta(minutes=2))
    assert re.findall(r'"OutboxLag":\[(\d+)', capsys.readouterr().out) == ["400"]


def test_row_with_three_records_in_one_batch_is_cleared_once(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    images = [authorize(rows, 0), step(rows, 0, "intend_capture"), step(rows, 0, "capture")]
    counting = CountingDynamoDB(outbox.dynamodb)

    relayed = relay_records(
        Outbox(counting, bus, "payments", "orders-bus"), [record(image, at) for at, image in enumerate(images)]
    )

    assert (relayed.failed, counting.updates) == ([], 1)
    assert pending(rows, 0) == []


def test_event_that_left_its_row_within_the_batch_is_not_published_again(
    outbox: Outbox, bus: Bus, rows: AggregateStore
) -> None:
    first = authorize(rows, 0)
    relay_records(outbox, [record(first, 1)])
    second = capture(rows, 0)

    relay_records(outbox, [record(first, 1), record(second, 2)])

    assert bus.taken_ids == [event_id(0, 2), event_id(0, 4)]
    assert pending(rows, 0) == []


def test_last_record_of_a_row_is_the_one_that_comes_again(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    first, second = authorize(rows, 0), capture(rows, 0)
    bus.refuses = refuse_times(99, event_id(0, 4))

    relayed = relay_records(outbox, [record(first, 1), record(second, 2)])

    assert relayed.failed == ["2"]
    assert pending(rows, 0) == [event_id(0, 2), event_id(0, 4)]


def test_a_record_delivered_again_clears_nothing_newer(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    first = authorize(rows, 0)
    relay_records(outbox, [record(first)])
    capture(rows, 0)

    assert relay_records(outbox, [record(first)]).response() == {"batchItemFailures": []}

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


def test_a_row_that_a_transaction_holds_is_reported_alone(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    records = [record(authorize(rows, number), number) for number in range(3)]
    busy = Outbox(InTransaction(outbox.dynamodb, f"PAY#{order(1)}"), bus, "payments", "orders-bus")

    assert relay_records(busy, records).response() == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert [pending(rows, number) for number in range(3)] == [[], [event_id(1)], []]

    assert relay_records(outbox, records[1:]).response() == {"batchItemFailures": []}
    assert pending(rows, 1) == []


def test_a_row_that_a_transaction_holds_does_not_stop_the_sweep(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    for number in range(3):
        authorize(rows, number)
    busy = Outbox(InTransaction(outbox.dynamodb, f"PAY#{order(1)}"), bus, "payments", "orders-bus")

    with clock.use_source(lambda: datetime.now(UTC) + timedelta(minutes=5)):
        assert republish(busy, timedelta(minutes=2)).events == 3

    assert [pending(rows, number) for number in range(3)] == [[], [event_id(1)], []]


def test_stale_outbox_is_republished(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    noon = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    with clock.use_source(lambda: noon):
        for number in range(6):
            authorize(rows, number)
    with clock.use_source(lambda: noon + timedelta(minutes=3)):
        authorize(rows, 6)
    with clock.use_source(lambda: noon + timedelta(minutes=4)):
        assert republish(outbox, timedelta(minutes=2)).events == 6
        assert republish(outbox, timedelta(minutes=2)).events == 0

    assert set(bus.taken_ids) == {event_id(number) for number in range(6)}
    assert [pending(rows, number) for number in range(7)] == [[]] * 6 + [[event_id(6)]]


def test_refused_event_stays_pending(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    authorize(rows, 0)
    authorize(rows, 1)
    bus.refuses = refuse_times(99, event_id(0))

    with clock.use_source(lambda: datetime.now(UTC) + timedelta(minutes=5)):
        assert republish(outbox, timedelta(minutes=2)).events == 1

    assert [pending(rows, number) for number in range(2)] == [[event_id(0)], []]


def age(rows: AggregateStore, number: int, **change: Any) -> None:
    """Change attributes of a row behind the store's back, as another version of the code would have written them."""
    names = {f"#{name}": name for name in change}
    rows.client.update_item(
        TableName=rows.table_name,
        Key=marshal({"pk": rows.key(order(number))}),
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in change),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=marshal({f":{name}": value for name, value in change.items()}),
    )


def of_version(text: str, version: int) -> str:
    """Return a pending event as a newer version of the code would have written it."""
    [event] = events_in([text])
    event["detail"]["metadata"]["event_version"] = version
    return json.dumps(event)


def write_by_newer_code(rows: AggregateStore, number: int) -> Row:
    """Leave an event of a version that this code does not know in a row, the oldest of the table."""
    row = authorize(rows, number)
    age(rows, number, pending=[of_version(row["pending"][0], 9)], pending_since="2026-11-01T00:00:00.000Z", pending_shard="0")
    found = rows.get(order(number))
    assert found
    return found


def test_an_event_of_an_unknown_version_stops_no_other_of_its_batch(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    records = [record(write_by_newer_code(rows, 0), 1), record(authorize(rows, 1), 2)]

    relayed = relay_records(outbox, records)

    assert (relayed.failed, relayed.unpublishable) == ([], 1), "a record that can never succeed must not hold up its shard"
    assert bus.taken_ids == [event_id(1)]
    assert [pending(rows, number) for number in range(2)] == [[event_id(0)], []]


def test_an_event_of_an_unknown_version_names_the_version_that_is_known(
    outbox: Outbox, rows: AggregateStore, caplog: pytest.LogCaptureFixture
) -> None:
    relay_records(outbox, [record(write_by_newer_code(rows, 0), 1)])

    assert "of version 9, and this code knows version 1 at most: deploy the code that wrote it" in caplog.text


def test_an_event_of_an_unknown_version_stops_no_other_of_its_table(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    write_by_newer_code(rows, 0)
    authorize(rows, 1)
    age(rows, 1, pending_shard="0")

    with clock.use_source(lambda: datetime.now(UTC) + timedelta(minutes=5)):
        done = republish(outbox, timedelta(minutes=2))
        again = republish(outbox, timedelta(minutes=2))

    assert (done.events, done.rows_left) == (1, 1)
    assert (again.events, again.rows_left) == (0, 0), "the row that failed comes up after the others"
    assert [pending(rows, number) for number in range(2)] == [[event_id(0)], []]


def test_an_event_beside_one_of_an_unknown_version_is_published_once(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    row = capture(rows, 0) if authorize(rows, 0) else None
    assert row
    age(rows, 0, pending=[of_version(row["pending"][0], 9), row["pending"][1]])
    image = rows.get(order(0))
    assert image

    assert relay_records(outbox, [record(image)]).failed == []
    left = rows.get(order(0))
    assert left
    assert relay_records(outbox, [record(left)]).failed == []

    assert bus.taken_ids == [event_id(0, 4)]
    assert pending(rows, 0) == [event_id(0, 2)]


UNBUILDABLE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no event id": lambda event: event["detail"]["metadata"].pop("event_id"),
    "an event id that is no text": lambda event: event["detail"]["metadata"].update(event_id=5, correlation_id=7),
    "half of a surrogate pair": lambda event: event["detail"]["metadata"].update(
        event_id="PAY#\ud800", correlation_id="\ud800"
    ),
    "no metadata": lambda event: event["detail"].pop("metadata"),
    "no data": lambda event: event["detail"].pop("data"),
    "no detail": lambda event: event.update(detail=None),
    "a source that is no text": lambda event: event.update({"source": None, "detail-type": "Unknown"}),
}
"""Damages of an event in an outbox, by their names."""
DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    **UNBUILDABLE,
    "no time": lambda event: event["detail"]["metadata"].pop("occurred_at"),
    "a time that is null": lambda event: event["detail"]["metadata"].update(occurred_at=None),
    "a time that is a number": lambda event: event["detail"]["metadata"].update(occurred_at=5),
}
"""The same, and damages of an event that can be published as it is."""


@pytest.mark.parametrize("damage", UNBUILDABLE)
def test_damaged_event_stops_no_other_of_its_batch_and_table(
    outbox: Outbox, bus: Bus, rows: AggregateStore, damage: str
) -> None:
    class Checked:
        """EventBridge behind botocore, which refuses a whole call for an entry with a field that is no text."""

        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            if any(not isinstance(value, str) for entry in Entries for value in entry.values()):
                raise ParamValidationError(report="an entry")
            return bus.put_events(Entries)

    checked = Outbox(outbox.dynamodb, Checked(), "payments", "orders-bus")
    [event] = events_in(authorize(rows, 0)["pending"])
    UNBUILDABLE[damage](event)
    age(rows, 0, pending=[json.dumps(event)], pending_since="2026-11-01T00:00:00.000Z")
    damaged = rows.get(order(0))
    assert damaged

    relayed = relay_records(checked, [record(damaged, 1), record(authorize(rows, 1), 2)])
    assert (relayed.failed, relayed.unpublishable) == ([], 1)
    authorize(rows, 2)
    with clock.use_source(lambda: datetime.now(UTC) + timedelta(minutes=5)):
        done = republish(checked, timedelta(minutes=2))

    assert (done.events, done.rows_left) == (1, 1)
    assert bus.taken_ids == [event_id(1), event_id(2)]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_event_stops_no_later_one_of_its_row(outbox: Outbox, bus: Bus, rows: AggregateStore, damage: str) -> None:
    [good] = authorize(rows, 0)["pending"]
    [damaged] = events_in([good])
    DAMAGES[damage](damaged)
    age(rows, 0, pending=[json.dumps(damaged), good], pending_since="2026-11-01T00:00:00.000Z")
    republish(outbox, timedelta(minutes=2))
    assert bus.taken_ids[-1] == event_id(0)


def test_row_with_a_damaged_outbox_stops_no_other_of_its_batch(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    without_since = {name: value for name, value in authorize(rows, 0).items() if name != "pending_since"}
    damaged = {**authorize(rows, 1), "pending": [5]}

    relayed = relay_records(outbox, [record(without_since, 1), record(damaged, 2), record(authorize(rows, 2), 3)])

    assert (relayed.failed, relayed.unpublishable) == ([], 1)
    assert sorted(bus.taken_ids) == [event_id(0), event_id(2)]


def test_invalid_entry_fails_no_other(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    class Strict:
        """An EventBridge that refuses a whole call for one of its entries."""

        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            if any(event_id_of(entry) == event_id(1) for entry in Entries):
                raise ClientError({"Error": {"Code": "ValidationException", "Message": "an entry"}}, "PutEvents")
            return bus.put_events(Entries)

    strict = Outbox(outbox.dynamodb, Strict(), "payments", "orders-bus")
    records = [record(authorize(rows, number), number) for number in range(3)]

    assert relay_records(strict, records).failed == []
    assert sorted(bus.taken_ids) == [event_id(0), event_id(2)]
    assert [pending(rows, number) for number in range(3)] == [[], [event_id(1)], []]


@pytest.mark.parametrize("code", ["MalformedDetail", "NotAuthorizedForSourceException"])
def test_permanent_error_is_not_retried(code: str, outbox: Outbox, rows: AggregateStore) -> None:
    calls = []

    class Refusing:
        def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
            calls.append(len(Entries))
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"} for _ in Entries]}

    refusing = Outbox(outbox.dynamodb, Refusing(), "payments", "orders-bus")
    assert relay_records(refusing, [record(authorize(rows, 0))]).unpublishable == 1
    assert calls == [1]
    assert pending(rows, 0) == [event_id(0)]


def test_a_row_that_cannot_be_cleared_stops_no_other(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    class Throttling(InTransaction):
        def update_item(self, **update: Any) -> Any:
            if update["Key"] == {"pk": {"S": self.pk}}:
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "UpdateItem")
            return self.client.update_item(**update)

    records = [record(authorize(rows, number), number) for number in range(3)]
    throttled = Outbox(Throttling(outbox.dynamodb, f"PAY#{order(0)}"), bus, "payments", "orders-bus")

    assert relay_records(throttled, records).failed == ["0"]
    assert [pending(rows, number) for number in range(3)] == [[event_id(0)], [], []]


def test_a_row_that_cannot_be_read_stops_no_other(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    class Unreadable(InTransaction):
        def get_item(self, **get: Any) -> Any:
            if get["Key"] == {"pk": {"S": self.pk}}:
                raise ClientError({"Error": {"Code": "InternalServerError", "Message": "no"}}, "GetItem")
            return self.client.get_item(**get)

        def update_item(self, **update: Any) -> Any:
            return self.client.update_item(**update)

    for number in range(3):
        authorize(rows, number)
    broken = Outbox(Unreadable(outbox.dynamodb, f"PAY#{order(0)}"), bus, "payments", "orders-bus")

    with clock.use_source(lambda: datetime.now(UTC) + timedelta(minutes=5)):
        done = republish(broken, timedelta(minutes=2))

    assert (done.events, done.rows_left) == (2, 1)
    assert [pending(rows, number) for number in range(3)] == [[event_id(0)], [], []]


def test_a_shard_that_cannot_be_read_stops_no_other(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    class OneShardDown:
        def __init__(self, client: Any) -> None:
            self.client = client

        def query(self, **query: Any) -> Any:
            if query["ExpressionAttributeValues"][":shard"] == {"S": "0"}:
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "Query")
            return self.client.query(**query)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.client, name)

    for number in range(2):
        authorize(rows, number)
        age(rows, number, pending_shard=str(number))
    down = Outbox(OneShardDown(outbox.dynamodb), bus, "payments", "orders-bus")

    with clock.use_source(lambda: datetime.now(UTC) + timedelta(minutes=5)), pytest.raises(ClientError):
        republish(down, timedelta(minutes=2))

    assert bus.taken_ids == [event_id(1)]


class Down:
    """An EventBridge that is unavailable."""

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        raise ClientError({"Error": {"Code": "InternalException", "Message": "no"}}, "PutEvents")


def is_parked(rows: AggregateStore, number: int) -> bool:
    """Return whether the sweeper finds the row by the index."""
    row = rows.get(order(number))
    assert row
    assert row.get("pending_shard") in (None, shard_of(rows.key(order(number))))
    return "pending_shard" in row


def test_row_that_the_relay_publishes_never_enters_the_index(outbox: Outbox, rows: AggregateStore) -> None:
    written = authorize(rows, 0)
    assert relay_records(outbox, [record(written)]).failed == []
    assert "pending_shard" not in written
    assert not is_parked(rows, 0)


def test_row_is_parked_if_no_repetition_publishes_its_event(outbox: Outbox, rows: AggregateStore) -> None:
    row = authorize(rows, 0)
    age(rows, 0, pending=[of_version(row["pending"][0], 9)])
    image = rows.get(order(0))
    assert image
    assert relay_records(outbox, [record(image)]).failed == []
    assert is_parked(rows, 0)


def test_row_with_a_part_of_its_events_published_is_parked_with_the_rest(outbox: Outbox, rows: AggregateStore) -> None:
    row = capture(rows, 0) if authorize(rows, 0) else None
    assert row
    age(rows, 0, pending=[of_version(row["pending"][0], 9), row["pending"][1]])
    image = rows.get(order(0))
    assert image
    assert relay_records(outbox, [record(image)]).failed == []
    assert is_parked(rows, 0)


def test_rows_that_meet_an_unavailable_bus_are_parked_until_they_are_published(
    outbox: Outbox, bus: Bus, rows: AggregateStore
) -> None:
    records = [record(authorize(rows, number), number) for number in range(2)]
    with pytest.raises(BusUnavailableError):
        relay_records(Outbox(outbox.dynamodb, Down(), "payments", "orders-bus"), records)
    assert [is_parked(rows, number) for number in range(2)] == [True, True]

    assert relay_records(outbox, records).failed == []
    assert [is_parked(rows, number) for number in range(2)] == [False, False]


def test_row_that_the_bus_refuses_for_now_is_parked_and_comes_again(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    bus.refuses = refuse_times(99, event_id(0))
    assert relay_records(outbox, [record(authorize(rows, 0), 7)]).failed == ["7"]
    assert is_parked(rows, 0)


def test_sweeps_of_a_pass_take_each_slice_once() -> None:
    begin = datetime(2026, 11, 29, 9, 58, 30, tzinfo=UTC)
    slices = [slice_at(begin + timedelta(minutes=minute), 1440) for minute in range(1440)]
    assert sorted(part.number for part in slices) == list(range(1440))
    assert {part.count for part in slices} == {1440}


def test_slice_is_read_page_by_page(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    class OneRowAPage:
        def __init__(self, client: Any) -> None:
            self.client = client
            self.asked: list[tuple[int, int]] = []

        def scan(self, **scan: Any) -> Any:
            self.asked.append((scan["Segment"], scan["TotalSegments"]))
            return self.client.scan(**{**scan, "Limit": 1})

        def __getattr__(self, name: str) -> Any:
            return getattr(self.client, name)

    for number in range(3):
        authorize(rows, number)
    paged = OneRowAPage(outbox.dynamodb)
    with clock.use_source(lambda: datetime.now(UTC) + timedelta(minutes=5)):
        assert republish(Outbox(paged, bus, "payments", "orders-bus"), timedelta(minutes=2), Slice(0, 1)).events == 3
    assert len(paged.asked) >= 3
    assert set(paged.asked) == {(0, 1)}


def test_row_that_met_an_unavailable_bus_comes_last_next_time(outbox: Outbox, bus: Bus, rows: AggregateStore) -> None:
    for number in range(2):
        authorize(rows, number)
        age(rows, number, pending_shard="0", pending_since=f"2026-11-01T00:00:0{number}.000Z")
    later = datetime.now(UTC) + timedelta(minutes=5)

    with clock.use_source(lambda: later), pytest.raises(BusUnavailableError):
        republish(Outbox(outbox.dynamodb, Down(), "payments", "orders-bus"), timedelta(minutes=2))

    first, second = rows.get(order(0)), rows.get(order(1))
    assert first
    assert second
    assert (first["pending_since"], second["pending_since"]) == (clock.rfc3339(later), "2026-11-01T00:00:01.000Z")
