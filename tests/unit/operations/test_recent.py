"""The reader of what is new in the journal: each put once, also one that is journaled late."""

from datetime import UTC, datetime, timedelta
from typing import Any

from journal import items
from operations.events.recent import Recent
from tests.support.console_stage import JOURNAL, ConsoleStage

NOON = datetime(2026, 11, 23, 12, 59, 58, 500_000, tzinfo=UTC)


def journal(stage: ConsoleStage, put_id: str, at: datetime) -> None:
    metadata = {"event_id": put_id, "event_version": 1, "order_id": "ord-1"}
    time = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    event: Any = {"id": put_id, "time": time, "source": "orderflow.order", "detail-type": "T", "detail": {"metadata": metadata}}
    item = items.item_of(event, 3650)
    stage.stage_in_memory.tables.call("PutItem", {"TableName": JOURNAL, "Item": item})


def ids(reader: Recent, now: datetime) -> list[str]:
    return [put.event["id"] for put in reader.look(now)]


def test_each_put_is_returned_once() -> None:
    stage = ConsoleStage()
    reader = Recent(stage, NOON)
    journal(stage, "before", NOON - timedelta(seconds=5))
    journal(stage, "one", NOON)
    assert ids(reader, NOON) == ["one"]
    journal(stage, "two", NOON + timedelta(seconds=1))
    assert ids(reader, NOON + timedelta(seconds=1)) == ["two"]
    assert ids(reader, NOON + timedelta(seconds=2)) == []


def test_put_that_is_journaled_late_is_found() -> None:
    stage = ConsoleStage()
    reader = Recent(stage, NOON)
    assert ids(reader, NOON + timedelta(seconds=30)) == []
    journal(stage, "late", NOON + timedelta(seconds=2))
    assert ids(reader, NOON + timedelta(seconds=50)) == ["late"]


def test_look_after_a_pause_misses_nothing() -> None:
    stage = ConsoleStage()
    reader = Recent(stage, NOON)
    journal(stage, "meanwhile", NOON + timedelta(minutes=3))
    assert ids(reader, NOON + timedelta(minutes=10)) == ["meanwhile"]
