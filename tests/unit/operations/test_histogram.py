"""The histogram of a window and the difference of rows: equal parts, a bound, and what counts as a change."""

from datetime import UTC, datetime, timedelta

import pytest

from operations.replay import changes
from operations.replay.histogram import histogram
from operations.window import Window
from tests.support.audited_stage import NOON, STORIES
from tests.support.console_stage import ConsoleStage

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def stage() -> ConsoleStage:
    made = ConsoleStage()
    made.place(STORIES[0])
    return made


def test_parts_of_a_window_count_its_events(stage: ConsoleStage) -> None:
    found = histogram(stage, Window(NOON - HOUR, NOON + HOUR), 4)
    assert found == {
        "window": {"from": "2026-11-23T11:00:00.000Z", "until": "2026-11-23T13:00:00.000Z"},
        "counted_from": "2026-11-23T11:00:00.000Z",
        "counts": [0, 0, 14, 0],
    }


def test_event_at_the_end_of_a_window_is_not_counted(stage: ConsoleStage) -> None:
    assert histogram(stage, Window(NOON - HOUR, NOON), 2)["counts"] == [0, 0]


def test_hours_before_too_many_events_are_not_read(stage: ConsoleStage) -> None:
    found = histogram(stage, Window(NOON - 3 * HOUR, NOON + HOUR / 2), 7, most=10)
    assert found["counted_from"] == "2026-11-23T12:00:00.000Z"
    assert sum(found["counts"]) == 14


def test_window_within_an_hour_begins_and_ends_at_its_own_times(stage: ConsoleStage) -> None:
    begin = datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC)
    assert sum(histogram(stage, Window(begin, begin + timedelta(seconds=1)), 60)["counts"]) <= 14
    assert histogram(stage, Window(begin, begin + timedelta(seconds=1)), 60)["window"]["until"] == "2026-11-23T12:00:02.000Z"


def test_rows_that_are_new_other_or_gone_are_counted_by_table() -> None:
    before = {"order/table-name": {("a", ""): "1", ("b", ""): "1"}, "payment/table-name": {("c", ""): "1"}}
    after = {"order/table-name": {("b", ""): "2", ("d", ""): "1"}, "payment/table-name": {("c", ""): "1"}}
    assert changes.between(before, after) == [{"table": "order", "new": 1, "changed": 1, "gone": 1, "keys": ["a", "b", "d"]}]
    assert changes.between(before, before) == []
