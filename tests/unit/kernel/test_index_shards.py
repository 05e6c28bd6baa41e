"""The shards of the sparse indexes: each row is in one that a sweep reads, also when the number of shards has changed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import stages
from kernel import clock
from kernel.aggregate_store import AggregateStore, Causation, Decision, DueAttributes, due_at
from kernel.index_shards import ALL, COUNTS, Share, count, possible_shards_of, read_at, shard_of, share_in
from kernel.relay import Outbox, republish
from services.payment.domain.states import TRANSITIONS
from tests.support.tables import create_table

HOUR = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEYS = [f"PAY#ord-{number}" for number in range(1000)]
CAUSE = Causation("correlation-1", "request-1")
TOTAL = {"amount": 4998, "currency": "USD"}


class Bus:
    """A bus that takes every event."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        ids = [json.loads(entry["Detail"])["metadata"]["event_id"] for entry in Entries]
        self.taken += ids
        return {"FailedEntryCount": 0, "Entries": [{"EventId": each} for each in ids]}


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with clock.use_source(lambda: moment):
        yield


def order(number: int) -> str:
    return "ord-" + "abcdefghijklmnopqrst"[number] * 26


def authorizing(order_id: str, due: DueAttributes) -> Decision:
    return Decision(TRANSITIONS["intend_authorize"], set={"order_id": order_id, "total": TOTAL, **due})


def test_setting_takes_the_numbers_of_shards_that_sweeps_read() -> None:
    schema = json.loads(stages.SCHEMA.read_text(encoding="utf-8"))
    assert schema["properties"]["index_shards"]["enum"] == list(COUNTS)
    assert count({}) == stages.default("index_shards")
    assert count({"INDEX_SHARDS": "16"}) == 16


@pytest.mark.parametrize("shards", COUNTS)
def test_keys_spread_over_all_shards(shards: int) -> None:
    assert {shard_of(key, shards) for key in KEYS} == {str(shard) for shard in range(shards)}


@pytest.mark.parametrize("shards", COUNTS)
def test_sweep_reads_the_shards_of_the_stage(shards: int) -> None:
    assert read_at(HOUR + timedelta(minutes=1), shards=shards) == range(shards)


@pytest.mark.parametrize("shards", COUNTS)
def test_first_sweep_of_an_hour_reads_each_possible_shard(shards: int) -> None:
    read = {str(shard) for shard in read_at(HOUR + timedelta(seconds=59), shards=shards)}
    assert all(possible_shards_of(key) <= read for key in KEYS)


def test_audit_takes_no_shard_that_the_key_cannot_have() -> None:
    assert all(possible_shards_of(key) & {str(shard) for shard in range(4)} == {shard_of(key, 4)} for key in KEYS)


@pytest.mark.parametrize(("before", "after"), [("64", "4"), ("4", "64")])
def test_due_row_is_found_after_the_number_has_changed(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    create_table(dynamodb, "payments")
    rows, orders = AggregateStore(dynamodb, "payments", TRANSITIONS), {order(number) for number in range(20)}
    monkeypatch.setenv("INDEX_SHARDS", before)
    for order_id in orders:
        rows.create(order_id, authorizing(order_id, due_at(rows.key(order_id), HOUR)), CAUSE)
    monkeypatch.setenv("INDEX_SHARDS", after)
    assert set(rows.due(HOUR + timedelta(hours=1), 20)) == orders


def test_pending_event_is_published_after_the_number_has_changed(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create_table(dynamodb, "payments")
    rows, bus = AggregateStore(dynamodb, "payments", TRANSITIONS), Bus()
    monkeypatch.setenv("INDEX_SHARDS", "64")
    with at(HOUR + timedelta(minutes=30)):
        for number in range(20):
            row = rows.create(order(number), Decision(TRANSITIONS["intend_authorize"], set={"order_id": order(number)}), CAUSE)
            rows.write(order(number), row, Decision(TRANSITIONS["authorize"], data={"total": TOTAL}), CAUSE)
    monkeypatch.setenv("INDEX_SHARDS", "4")
    with at(HOUR + timedelta(hours=1)):
        republish(Outbox(dynamodb, bus, "payments", "orders-bus"), timedelta(minutes=2))
    assert set(bus.taken) == {f"PAY#{order(number)}#2" for number in range(20)}


@pytest.mark.parametrize("minute", [0, 1])
@pytest.mark.parametrize("sweepers", [1, 2, 3, 4])
def test_sweeps_side_by_side_read_each_shard_once(minute: int, sweepers: int) -> None:
    moment = HOUR + timedelta(minutes=minute)
    read = [shard for number in range(sweepers) for shard in read_at(moment, Share(number, sweepers), shards=16)]
    assert sorted(read) == list(read_at(moment, shards=16))


def test_sweep_takes_the_share_of_its_event_or_all() -> None:
    assert share_in({"source": "aws.events", "share": 1, "of": 2}) == Share(1, 2)
    assert share_in({}) == ALL
