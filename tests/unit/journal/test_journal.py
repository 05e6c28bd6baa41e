"""The journal has one line for each put of an event on the bus."""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

from journal import function
from journal.lines import REDACTED
from journal.streams import DIGITS, id_matchers
from kernel import idempotency
from operations.event_pattern import Pattern
from tests.support.fake_clients import FakeClients

ARRIVED = datetime(2026, 11, 23, 4, 5, 9, tzinfo=UTC)


def put(envelope: str, **metadata: str) -> dict[str, Any]:
    known = {"event_id": "ORDER#1#1", "occurred_at": "2026-11-23T04:05:06.789Z", "order_id": "1"} | metadata
    return {
        "id": envelope,
        "time": "2026-11-23T04:05:07Z",
        "source": "orderflow.order",
        "detail-type": "OrderPlaced",
        "detail": {"metadata": known, "data": {}},
    }


def transform(*bodies: object) -> list[dict[str, Any]]:
    """Return the function's results, with their data decoded."""
    handler = function.bootstrap(FakeClients(), {})
    arrived = int(ARRIVED.timestamp() * 1000)
    records = [
        {
            "recordId": str(place),
            "approximateArrivalTimestamp": arrived,
            "data": b64encode(body if isinstance(body, bytes) else json.dumps(body).encode()).decode(),
        }
        for place, body in enumerate(bodies)
    ]
    results = handler({"records": records}, None)["records"]
    assert [result["recordId"] for result in results] == [record["recordId"] for record in records]
    return [result | {"data": b64decode(result["data"]).decode(errors="replace")} for result in results]


def test_whole_event_is_a_line_of_its_hour() -> None:
    [result] = transform(put("a"))
    assert result["result"] == "Ok"
    assert result["data"].endswith("\n")
    assert result["data"].count("\n") == 1
    assert json.loads(result["data"]) == put("a")
    assert result["metadata"] == {"partitionKeys": {"hour": "2026-11-23T04"}}


def test_hour_is_that_of_the_put_though_the_record_arrives_later() -> None:
    [result] = transform(put("a") | {"time": "2026-11-22T05:59:59Z"})
    assert result["metadata"] == {"partitionKeys": {"hour": "2026-11-22T05"}}


def test_line_feed_in_an_event_does_not_split_its_line() -> None:
    [result] = transform(put("a", note="two\nlines"))
    assert len(result["data"].splitlines()) == 1


def test_payment_token_and_key_of_a_channel_are_not_kept() -> None:
    event = {**put("a"), "source": "orderflow.channel.shop"}
    event["detail"] = {**event["detail"], "data": {"idempotency_key": "key-1", "payment_token": "pm_card_visa"}}
    [result] = transform(event)
    assert "pm_card_visa" not in result["data"]
    assert "key-1" not in result["data"]
    kept = json.loads(result["data"])["detail"]["data"]
    assert kept == {"idempotency_key": idempotency.journaled("channel:shop", "key-1"), "payment_token": REDACTED}
    for known in (kept["idempotency_key"], "key-1"):  # the second is as earlier releases kept it
        assert idempotency.hash_of_journaled("channel:shop", known) == idempotency.key_hash("channel:shop", "key-1")


@pytest.mark.parametrize("detail", [{}, {"metadata": None}, "text", None, {"metadata": {"order_id": None}}])
def test_event_without_metadata_is_kept(detail: Any) -> None:
    [result] = transform(put("a") | {"detail": detail})
    assert json.loads(result["data"])["detail"] == detail


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"no": "event"}, "is not an EventBridge event"),
        ([], "must be a JSON object"),
        (b"\xff", "is not UTF-8 text"),
        (put("b") | {"time": 4}, "is not an EventBridge event"),
        (put("b") | {"time": "now"}, "has a time that is not RFC 3339"),
        (put("b") | {"time": "2026-11-23T04:05:07"}, "has a time that is not RFC 3339"),
        (put("b") | {"time": "2026-11-23T06:05:07+02:00"}, "has a time that is not RFC 3339"),
        (put("b") | {"time": "9999-12-31T23:59:59Z"}, "over 26 hours from its arrival"),
        (put("b", event_id="4111 1111 1111 1111") | {"source": "orderflow.channel.shop"}, "looks like a card number"),
    ],
)
def test_record_that_the_journal_does_not_keep_fails_alone_and_is_counted(
    event: object, reason: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before, failed, after = transform(put("a"), event, put("c"))
    assert (before["result"], failed["result"], after["result"]) == ("Ok", "ProcessingFailed", "Ok")
    (logged,) = caplog.records
    assert reason in vars(logged)["reason"]
    assert "4111 1111" not in str(vars(logged))
    assert '"EventsNotJournaled":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize("streams", [1, 2, 4, 8, 16])
def test_every_event_goes_to_exactly_one_stream(streams: int) -> None:
    patterns = [
        Pattern(json.dumps({"source": [{"prefix": ""}]} | ({} if ids is None else {"id": ids}))) for ids in id_matchers(streams)
    ]
    assert len(patterns) == streams
    taken = [
        [number for number, pattern in enumerate(patterns) if pattern.matches(put(envelope))]
        for envelope in (*(f"5c1ba91c-{digit}" for digit in DIGITS), "A", "", "of another form!")
    ]
    assert all(len(found) == 1 for found in taken)
    assert {number for (number,) in taken[: len(DIGITS)]} == set(range(streams))
