"""The journal has one row for each put of an event on the bus."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from journal import function
from journal.items import REDACTED, SHARDS
from kernel import idempotency
from tests.support.choreography import DeadLetterQueue
from tests.support.fake_clients import FakeClients
from tests.support.tables import create_journal

TABLE = "journal"


@pytest.fixture
def dead_letters() -> DeadLetterQueue:
    return DeadLetterQueue()


ENVIRON = {"TABLE_NAME": TABLE, "RETENTION_DAYS": "30", "DEAD_LETTER_QUEUE_URL": "dead", "QUEUE_URL": "queue"}


class JournalService:
    """The journal as its queue calls it, on a moto table. `dynamodb` may be exchanged at any time."""

    def __init__(self, dynamodb: Any, dead_letters: DeadLetterQueue) -> None:
        self.dynamodb, self.dead_letters = dynamodb, dead_letters

    def deliver(self, *bodies: object) -> list[str]:
        """Deliver messages numbered from 0; return the numbers of those that failed."""
        handler = function.bootstrap(FakeClients(dynamodb=self.dynamodb, sqs=self.dead_letters), ENVIRON)
        records = [{"messageId": str(place), "body": json.dumps(body)} for place, body in enumerate(bodies)]
        return [failure["itemIdentifier"] for failure in handler({"Records": records}, None)["batchItemFailures"]]


@pytest.fixture
def journal(dynamodb: Any, dead_letters: DeadLetterQueue) -> JournalService:
    create_journal(dynamodb, TABLE)
    return JournalService(dynamodb, dead_letters)


def put(envelope: str, **metadata: str) -> dict[str, Any]:
    known = {"event_id": "ORDER#1#1", "occurred_at": "2026-11-23T04:05:06.789Z", "order_id": "1"} | metadata
    return {
        "id": envelope,
        "time": "2026-11-23T04:05:07Z",
        "source": "orderflow.order",
        "detail-type": "OrderPlaced",
        "detail": {"metadata": known, "data": {}},
    }


def rows(journal: JournalService) -> list[dict[str, Any]]:
    """Return the table's items by their sort keys."""
    return sorted(journal.dynamodb.scan(TableName=TABLE)["Items"], key=lambda row: str(row["sk"]["S"]))


def test_whole_event_is_kept_as_long_as_in_the_archive(journal: JournalService) -> None:
    assert journal.deliver(put("a")) == []
    [row] = rows(journal)
    assert json.loads(row["event"]["S"]) == put("a")
    assert row["pk"]["S"] == "ORDER#1"
    assert row["put_at"]["S"] == "2026-11-23T04:05:07Z"
    assert int(row["size"]["N"]) == len(row["event"]["S"])
    assert row["hour"]["S"] in {f"2026-11-23T04#{shard}" for shard in range(SHARDS)}
    assert int(row["expires"]["N"]) == 1795406707 + 30 * 86400


def test_payment_token_and_key_of_a_channel_are_not_kept(journal: JournalService) -> None:
    event = {**put("a"), "source": "orderflow.channel.shop"}
    event["detail"] = {**event["detail"], "data": {"idempotency_key": "key-1", "payment_token": "pm_card_visa"}}
    journal.deliver(event)
    [row] = rows(journal)
    assert "pm_card_visa" not in str(row)
    assert "key-1" not in str(row)
    kept = json.loads(row["event"]["S"])["detail"]["data"]
    assert kept == {"idempotency_key": idempotency.journaled("channel:shop", "key-1"), "payment_token": REDACTED}
    for known in (kept["idempotency_key"], "key-1"):  # the second is as earlier releases kept it
        assert idempotency.hash_of_journaled("channel:shop", known) == idempotency.key_hash("channel:shop", "key-1")


def test_event_put_twice_is_two_rows(journal: JournalService) -> None:
    journal.deliver(put("a"), put("b"))
    assert [json.loads(row["event"]["S"])["id"] for row in rows(journal)] == ["a", "b"]


def test_put_delivered_twice_is_one_row(journal: JournalService) -> None:
    journal.deliver(put("a"), put("a"))
    journal.deliver(put("a"))
    assert len(rows(journal)) == 1


def test_batch_above_one_call_is_written_whole(journal: JournalService) -> None:
    assert journal.deliver(*(put(f"{number:03}") for number in range(60))) == []
    assert len(rows(journal)) == 60


def test_unprocessed_items_are_delivered_again(journal: JournalService) -> None:
    class Throttled:
        def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
            return {"UnprocessedItems": {table: requests[1:] for table, requests in RequestItems.items()}}

    journal.dynamodb = Throttled()
    assert journal.deliver(put("a"), put("b"), put("c")) == ["1", "2"]


def test_events_of_an_order_are_sorted_by_time(journal: JournalService) -> None:
    journal.deliver(put("b", event_id="ORDER#1#2", occurred_at="2026-11-23T04:05:08.000Z"), put("a"))
    assert [json.loads(row["event"]["S"])["id"] for row in rows(journal)] == ["a", "b"]


@pytest.mark.parametrize("detail", [{}, {"metadata": None}, "text", {"metadata": {"order_id": None}}])
def test_event_without_metadata_is_kept(journal: JournalService, detail: Any) -> None:
    assert journal.deliver(put("a") | {"detail": detail}, put("b") | {"detail": detail}) == []
    assert sorted(row["pk"]["S"] for row in rows(journal)) == ["EVENT#a", "EVENT#b"]


def test_malformed_message_is_quarantined_alone(journal: JournalService, dead_letters: DeadLetterQueue) -> None:
    assert journal.deliver({"no": "event"}, put("a"), []) == []
    assert len(rows(journal)) == 1
    assert dead_letters.reasons == [
        "message: is not an EventBridge event (id, time, source, detail)",
        "message: must be a JSON object",
    ]


def test_item_that_fails_to_write_is_delivered_again_alone(journal: JournalService) -> None:
    class RefusesOne:
        def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
            if any("#b" in request["PutRequest"]["Item"]["sk"]["S"] for request in RequestItems[TABLE]):
                raise ClientError({"Error": {"Code": "ValidationException"}}, "BatchWriteItem")
            answer: dict[str, Any] = written.batch_write_item(RequestItems=RequestItems)
            return answer

    written = journal.dynamodb
    journal.dynamodb = RefusesOne()
    assert journal.deliver(put("a"), put("b")) == ["1"]
    journal.dynamodb = written
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
def test_event_that_no_row_can_hold_is_quarantined(
    journal: JournalService, dead_letters: DeadLetterQueue, event: dict[str, Any], reason: str
) -> None:
    assert journal.deliver(put("a"), event) == []
    assert len(rows(journal)) == 1
    [said] = dead_letters.reasons
    assert reason in said
    assert "4111" not in said


class Refusing(DeadLetterQueue):
    """A queue that takes no message."""

    def send_message(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": "InvalidParameterValue", "Message": "too long"}}, "SendMessage")


@pytest.mark.parametrize("bad", [[], {"no": "event"}])
def test_a_message_that_cannot_be_set_aside_stops_no_other(journal: JournalService, bad: object) -> None:
    journal.dead_letters = Refusing()
    assert journal.deliver(put("a"), bad, put("b")) == ["1"]
    assert len(rows(journal)) == 2
