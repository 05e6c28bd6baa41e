"""Versions of an event side by side: each becomes the next and the last, and today's code reads what an old archive holds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest

import stages
from kernel import clock, relay, schemas, versions
from kernel.inbox import DeadLetters, Delivery, receive
from operations.contracts.event_catalogue import Event, events, newest
from tests.support.choreography import DeadLetterQueue
from tests.support.consumers import optional

SEVERAL = [event for event in newest() if event.version > 1]
WORDLESS = {"OrderPlaced"}
"""Events with older versions that require a field the newest does not have: these are read, and no longer published."""
BESIDE = [event for event in SEVERAL if event.stem not in WORDLESS]
OLDER = [event for event in events() if event.version < schemas.newest_version(event.sent_as, event.detail_type)]
DECLARED = frozenset(f"{event.stem}.v{version}" for event in BESIDE for version in range(1, event.version))
"""Every version that a stage may declare."""


def named(found: list[Event]) -> list[Any]:
    return [pytest.param(event, id=f"{event.stem}.v{event.version}") for event in found]


@contextmanager
def today(day: str) -> Iterator[None]:
    with clock.use_source(lambda: datetime.fromisoformat(f"{day}T12:00:00+00:00").astimezone(UTC)):
        yield


def envelope(event: Event, **more: Any) -> dict[str, Any]:
    return {"source": event.source, "detail-type": event.detail_type, "detail": event.example, **more}


def test_expected_events_have_two_versions() -> None:
    assert sorted(event.stem for event in SEVERAL) == [
        "NotificationFailed",
        "NotificationSent",
        "OrderCancelled",
        "OrderPlaced",
    ]


@pytest.mark.parametrize("event", named(OLDER))
def test_older_version_states_its_last_day(event: Event) -> None:
    assert date.fromisoformat(str(event.published_until))


@pytest.mark.parametrize("event", named(SEVERAL))
def test_versions_have_no_gap(event: Event) -> None:
    assert {e.version for e in events() if e.stem == event.stem} == set(range(1, event.version + 1))


@pytest.mark.parametrize("event", named(OLDER))
def test_an_older_event_becomes_one_of_the_newest_version(event: Event) -> None:
    detail = versions.upcast(event.source, event.detail_type, event.example)
    assert detail["metadata"]["event_version"] == schemas.newest_version(event.source, event.detail_type)
    assert {**detail["metadata"], "event_version": 0} == {**event.example["metadata"], "event_version": 0}
    schemas.validate(event.source, event.detail_type, detail)


@pytest.mark.parametrize("event", named(BESIDE))
def test_downcast_then_upcast_returns_the_same_event(event: Event) -> None:
    older = list(versions.older(event.source, event.detail_type, event.example, date(2020, 1, 1)))
    assert [detail["metadata"]["event_version"] for detail in older] == list(range(event.version - 1, 0, -1))
    for detail in older:
        schemas.validate(event.source, event.detail_type, detail)
        again, schema = versions.upcast(event.source, event.detail_type, detail), event.schema
        known = {name: value for name, value in event.example["data"].items() if not optional(schema, f"data.{name}")}
        assert again == {**event.example, "data": known}


def test_event_that_an_older_version_cannot_express_is_not_published_in_it() -> None:
    (cancelled,) = (event for event in SEVERAL if event.stem == "OrderCancelled")
    confirmed = {**cancelled.example, "data": {**cancelled.example["data"], "confirmed": True}}
    assert list(versions.older(cancelled.source, cancelled.detail_type, confirmed, date(2020, 1, 1))) == []


def test_no_event_of_a_service_carries_a_payment_token() -> None:
    """A channel's OrderPlaced may: that is how a channel pays."""
    told = {event.stem for event in newest() if "payment_token" in json.dumps(event.schema)}
    assert told == {"ChannelOrderPlaced"}
    placed = next(event for event in SEVERAL if event.stem == "OrderPlaced")
    assert list(versions.older(placed.source, placed.detail_type, placed.example, date(2020, 1, 1))) == []


@pytest.mark.parametrize("event", named(newest()))
def test_newest_version_is_not_upcast(event: Event) -> None:
    assert versions.upcast(event.sent_as, event.detail_type, event.example) is event.example


class Bus:
    def __init__(self, refuses: int | None = None) -> None:
        self.put: list[int] = []
        self.refuses = refuses
        """The version that it never accepts."""

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        results = []
        for entry in Entries:
            version = json.loads(entry["Detail"])["metadata"]["event_version"]
            self.put.append(version)
            results.append({"ErrorCode": "InternalFailure"} if version == self.refuses else {"EventId": str(len(self.put))})
        return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": results}


@pytest.mark.parametrize("event", named(BESIDE))
def test_the_relay_publishes_the_older_version_beside_it_until_its_last_day(event: Event) -> None:
    (last,) = [older.published_until for older in events() if (older.stem, older.version) == (event.stem, event.version - 1)]
    assert last is not None
    for day, published in (("2026-11-23", [2, 1]), (last, [2, 1]), ("2099-01-01", [2])):
        bus = Bus()
        with today(day):
            text = json.dumps(envelope(event))
            assert relay.publish(relay.Outbox(None, bus, "table", "bus", DECLARED), [text]).accepted == {text}
        assert bus.put == published


@pytest.mark.parametrize("event", named(BESIDE))
def test_older_version_that_the_stage_does_not_declare_is_not_published(event: Event) -> None:
    others = DECLARED - {f"{event.stem}.v1"}
    bus = Bus()
    with today("2026-11-23"):
        relay.publish(relay.Outbox(None, bus, "table", "bus", others), [json.dumps(envelope(event))])
    assert bus.put == [2]


def test_stage_may_declare_each_older_version_that_can_be_published() -> None:
    setting = json.loads(stages.SCHEMA.read_text(encoding="utf-8"))["properties"]["older_versions"]
    assert setting["items"]["enum"] == sorted(DECLARED)
    assert setting["default"] == stages.default("older_versions") == [], "a stage pays for no version that no consumer reads"


@pytest.mark.parametrize("event", named(BESIDE))
def test_an_event_is_published_when_all_its_versions_are(event: Event) -> None:
    bus = Bus(refuses=1)
    with today("2026-11-23"):
        assert relay.publish(relay.Outbox(None, bus, "table", "bus", DECLARED), [json.dumps(envelope(event))]).accepted == set()
    assert bus.put == [2, 1, *[1] * (relay.PUT_ATTEMPTS - 1)], "what was accepted is not put again by this attempt"


@pytest.mark.parametrize("event", named(OLDER))
def test_an_old_archive_replays_through_todays_consumers(event: Event) -> None:
    seen: list[Delivery] = []
    queue = DeadLetterQueue()
    body = json.dumps(envelope(event, **{"replay-name": "orderflow-catch-up-2031"}))
    answer = receive(
        [{"messageId": "1", "body": body}], {(event.source, event.detail_type): seen.append}, DeadLetters(queue, "")
    )
    assert (answer, queue.reasons) == ({"batchItemFailures": []}, [])
    (delivery,) = seen
    assert delivery.event.event_version == schemas.newest_version(event.source, event.detail_type)
    assert delivery.event.event_id == event.example["metadata"]["event_id"], "by which a consumer of both versions dedupes"
