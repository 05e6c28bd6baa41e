"""The journal keeps each event once, and knows how often it was put."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from journal import function
from journal.items import REDACTED, SHARDS
from kernel import clients, idempotency
from tests.support.choreography import DeadLetterQueue
from tests.support.tables import create_journal

TABLE = "journal"


@pytest.fixture
def dead_letters() -> DeadLetterQueue:
    return DeadLetterQueue()


@pytest.fixture
def journal(dynamodb: Any, dead_letters: DeadLetterQueue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("TABLE_NAME", TABLE)
    monkeypatch.setenv("RETENTION_DAYS", "30")
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "dead")
    monkeypatch.setenv("QUEUE_URL", "queue")
    monkeypatch.setattr(clients, "sqs", lambda: dead_letters)
    function.settings.cache_clear()
    create_journal(dynamodb, TABLE)
    yield dynamodb
    function.settings.cache_clear()


def put(envelope: str, **metadata: str) -> dict[str, Any]:
    known = {"event_id": "ORDER#1#1", "occurred_at": "2026-11-23T04:05:06.789Z", "order_id": "1"} | metadata
    return {
        "id": envelope,
        "time": "2026-11-23T04:05:07Z",
        "source": "orderflow.order",
        "detail-type": "OrderPlaced",
        "detail": {"metadata": known, "data": {}},
    }


def deliver(*bodies: Any) -> list[str]:
    records = [{"messageId": str(place), "body": json.dumps(body)} for place, body in enumerate(bodies)]
    return [failure["itemIdentifier"] for failure in function.handler({"Records": records}, None)["batchItemFailures"]]


def rows(client: Any) -> list[dict[str, Any]]:
    return sorted(client.scan(TableName=TABLE)["Items"], key=lambda row: str(row["sk"]["S"]))


def test_an_event_is_kept_whole_by_its_order_until_the_archive_forgets_it(journal: Any) -> None:
    assert deliver(put("a")) == []
    [row] = rows(journal)
    assert json.loads(row["event"]["S"]) == put("a")
    assert row["pk"]["S"] == "ORDER#1"
    assert row["put_at"]["S"] == "2026-11-23T04:05:07Z"
    assert int(row["size"]["N"]) == len(row["event"]["S"])
    assert row["hour"]["S"] in {f"2026-11-23T04#{shard}" for shard in range(SHARDS)}
    assert int(row["expires"]["N"]) == 1795406707 + 30 * 86400


def test_a_channels_payment_token_and_key_are_not_kept(journal: Any) -> None:
    event = {**put("a"), "source": "orderflow.channel.shop"}
    event["detail"] = {**event["detail"], "data": {"idempotency_key": "key-1", "payment_token": "pm_card_visa"}}
    deliver(event)
    [row] = rows(journal)
    assert "pm_card_visa" not in str(row)
    assert "key-1" not in str(row)
    kept = json.loads(row["event"]["S"])["detail"]["data"]
    assert kept == {"idempotency_key": idempotency.journaled("channel:shop", "key-1"), "payment_token": REDACTED}
    for known in (kept["idempotency_key"], "key-1"):  # the second is as earlier releases kept it
        assert idempotency.hash_of_journaled("channel:shop", known) == idempotency.key_hash("channel:shop", "key-1")


def test_an_event_put_twice_is_two_rows_side_by_side(journal: Any) -> None:
    deliver(put("a"), put("b"))
    assert [json.loads(row["event"]["S"])["id"] for row in rows(journal)] == ["a", "b"]


def test_a_put_delivered_twice_is_one_row(journal: Any) -> None:
    deliver(put("a"), put("a"))
    deliver(put("a"))
    assert len(rows(journal)) == 1


def test_more_than_one_call_takes_are_all_written(journal: Any) -> None:
    assert deliver(*(put(f"{number:03}") for number in range(60))) == []
    assert len(rows(journal)) == 60


def test_what_dynamodb_leaves_undone_is_delivered_again(journal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Throttled:
        def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
            return {"UnprocessedItems": {table: requests[1:] for table, requests in RequestItems.items()}}

    monkeypatch.setattr(clients, "dynamodb", Throttled)
    assert deliver(put("a"), put("b"), put("c")) == ["1", "2"]


def test_an_orders_events_lie_in_the_order_in_which_they_occurred(journal: Any) -> None:
    deliver(put("b", event_id="ORDER#1#2", occurred_at="2026-11-23T04:05:08.000Z"), put("a"))
    assert [json.loads(row["event"]["S"])["id"] for row in rows(journal)] == ["a", "b"]


@pytest.mark.parametrize("detail", [{}, {"metadata": None}, "text", {"metadata": {"order_id": None}}])
def test_what_has_no_metadata_is_kept_as_well(journal: Any, detail: Any) -> None:
    assert deliver(put("a") | {"detail": detail}, put("b") | {"detail": detail}) == []
    assert sorted(row["pk"]["S"] for row in rows(journal)) == ["EVENT#a", "EVENT#b"]


def test_a_message_that_is_no_event_is_set_aside_and_harms_no_neighbour(journal: Any, dead_letters: DeadLetterQueue) -> None:
    assert deliver({"no": "event"}, put("a"), []) == []
    assert len(rows(journal)) == 1
    assert dead_letters.reasons == [
        "message: is not an EventBridge event (id, time, source, detail)",
        "message: must be a JSON object",
    ]


def test_what_could_not_be_written_is_delivered_again_alone(journal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class RefusesOne:
        def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
            if any("#b" in request["PutRequest"]["Item"]["sk"]["S"] for request in RequestItems[TABLE]):
                raise ClientError({"Error": {"Code": "ValidationException"}}, "BatchWriteItem")
            answer: dict[str, Any] = journal.batch_write_item(RequestItems=RequestItems)
            return answer

    monkeypatch.setattr(clients, "dynamodb", RefusesOne)
    assert deliver(put("a"), put("b")) == ["1"]
    assert len(rows(journal)) == 1


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (put("b", order_id="x" * 3000), "too long for a row's key"),
        (put("b", event_id="x" * 2000), "too long for a row's key"),
        (put("b") | {"detail": {"text": "x" * 500_000}}, "longer than"),
        (put("b") | {"time": "9999-12-31T23:59:59Z"}, "not an EventBridge event"),
        (put("b", event_id="4111 1111 1111 1111") | {"source": "orderflow.channel.shop"}, "looks like a card number"),
    ],
)
def test_what_no_row_can_hold_is_set_aside_at_once(
    journal: Any, dead_letters: DeadLetterQueue, event: dict[str, Any], reason: str
) -> None:
    assert deliver(put("a"), event) == []
    assert len(rows(journal)) == 1
    [said] = dead_letters.reasons
    assert reason in said
    assert "4111" not in said
