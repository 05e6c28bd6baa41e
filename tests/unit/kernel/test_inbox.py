"""The inbox: one bad message never delays, repeats or loses its neighbours."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from kernel.inbox import DeadLetters, Delivery, parse, receive
from kernel.schemas import InvalidEventError
from kernel.subscriptions import ReplayPolicy
from tests.support.sample_events import authorized, message

AUTHORIZED = ("orderflow.payment", "PaymentAuthorized")


@dataclass
class Queue:
    """Stands in for the dead-letter queue; `down` refuses everything."""

    down: bool = False
    messages: list[dict[str, Any]] = field(default_factory=list)
    hidden: list[tuple[str, str, int]] = field(default_factory=list)

    def send_message(self, **message: Any) -> None:
        if self.down:
            raise ConnectionError("the queue is down")
        self.messages.append(message)

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        self.hidden.append((QueueUrl, ReceiptHandle, VisibilityTimeout))

    @property
    def reasons(self) -> list[str]:
        return [message["MessageAttributes"]["reason"]["StringValue"] for message in self.messages]


@dataclass
class Consumer:
    """A consumer that records its deliveries, and raises on chosen events."""

    seen: list[Delivery] = field(default_factory=list)
    raises: dict[str, Exception] = field(default_factory=dict)

    def __call__(self, delivery: Delivery) -> None:
        if delivery.event.event_id in self.raises:
            raise self.raises[delivery.event.event_id]
        self.seen.append(delivery)

    @property
    def seen_ids(self) -> list[str]:
        return [delivery.event.event_id for delivery in self.seen]


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


def records(*bodies: str) -> list[dict[str, Any]]:
    """SQS records `message-0`, `message-1` ... with these bodies."""
    arn = "arn:aws:sqs:eu-west-1:123456789012:orders"
    return [{"messageId": f"message-{n}", "body": body, "eventSourceARN": arn} for n, body in enumerate(bodies)]


def deliver(consumer: Consumer, queue: Queue, *bodies: str) -> list[str]:
    """Return the ids of the messages that SQS is to deliver again."""
    answer = receive(records(*bodies), {AUTHORIZED: consumer}, DeadLetters(queue, "https://queue/dead"))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.mark.parametrize(
    ("replay_policy", "replay", "hears"),
    [
        (ReplayPolicy.REAPPLY, None, True),
        (ReplayPolicy.REAPPLY, "orderflow-dev-1", True),
        (ReplayPolicy.OPT_IN, None, True),
        (ReplayPolicy.OPT_IN, "orderflow-dev-1", False),
        (ReplayPolicy.OPT_IN, "paced-dev-1", False),
        (ReplayPolicy.OPT_IN, "orderflow-catch-up-dev-1", True),
        (ReplayPolicy.OPT_IN, "paced-catch-up-dev-1", True),
        (ReplayPolicy.OPT_IN, "no-catch-up-please", False),
        (ReplayPolicy.OPT_IN, "catch-up-dev-1", False),
        (ReplayPolicy.OPT_IN, "orderflow-dev-catch-up-1", False),
        (ReplayPolicy.OPT_IN, "orderflow-catch-upwards-1", False),
    ],
)
def test_opt_in_subscription_handles_a_replay_only_to_catch_up(
    consumer: Consumer, queue: Queue, replay_policy: ReplayPolicy, replay: str | None, hears: bool
) -> None:
    body = json.loads(message(authorized())) | ({"replay-name": replay} if replay else {})
    answer = receive(records(json.dumps(body)), {AUTHORIZED: consumer}, DeadLetters(queue, "url"), replay_policy)
    assert answer == {"batchItemFailures": []}, "it is done with, either way"
    assert bool(consumer.seen) == hears


def test_events_are_handled_in_turn(consumer: Consumer, queue: Queue) -> None:
    first, second = authorized(1), authorized(2)

    assert deliver(consumer, queue, message(first), message(second)) == []
    assert [delivery.event for delivery in consumer.seen] == [first, second]
    assert queue.messages == []


def test_replayed_event_is_marked(consumer: Consumer, queue: Queue) -> None:
    deliver(consumer, queue, message(authorized()), message(authorized(), **{"replay-name": "november"}))

    assert [delivery.replay_name for delivery in consumer.seen] == [None, "november"]


def test_refused_replayed_event_makes_no_second_dead_letter(
    consumer: Consumer, queue: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = json.loads(message(authorized())) | {"replay-name": "orderflow-dev-1"}
    bad["detail"]["data"] = {}
    assert deliver(consumer, queue, json.dumps(bad), message(authorized(2))) == []
    assert (queue.messages, consumer.seen_ids) == ([], [authorized(2).event_id])
    assert '"ReplayedEventsRefused":[1.0]' in capsys.readouterr().out.replace(" ", "")


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "",
        "[]",
        "null",
        '"text"',
        "{}",
        json.dumps({"source": "orderflow.payment", "detail-type": "PaymentAuthorized"}),
        json.dumps({"source": ["orderflow.payment"], "detail-type": {"a": 1}, "detail": authorized().detail()}),
        json.dumps({"source": "orderflow.payment", "detail-type": "PaymentAuthorized", "detail": "text"}),
    ],
)
def test_malformed_message_is_quarantined_and_the_others_processed(body: str, consumer: Consumer, queue: Queue) -> None:
    before, after = authorized(1), authorized(2)

    assert deliver(consumer, queue, message(before), body, message(after)) == []

    assert consumer.seen_ids == [before.event_id, after.event_id]
    assert [message["MessageBody"] for message in queue.messages] == [body]


def test_invalid_event_is_quarantined_with_its_field_and_reason(consumer: Consumer, queue: Queue) -> None:
    bad = json.loads(message(authorized(2)))
    bad["detail"]["data"]["total"]["amount"] = -1

    assert deliver(consumer, queue, message(authorized(1)), json.dumps(bad), message(authorized(3))) == []

    assert consumer.seen_ids == [authorized(1).event_id, authorized(3).event_id]
    [aside] = queue.messages
    attributes = {name: value["StringValue"] for name, value in aside["MessageAttributes"].items()}
    assert aside["QueueUrl"] == "https://queue/dead"
    assert json.loads(aside["MessageBody"]) == bad
    assert attributes == {
        "reason": "PaymentAuthorized from orderflow.payment: data.total.amount: must be bigger than or equal to 0",
        "field": "data.total.amount",
        "queue": "arn:aws:sqs:eu-west-1:123456789012:orders",
    }


def test_event_without_a_handler_is_quarantined(consumer: Consumer, queue: Queue) -> None:
    receive(records(message(authorized())), {("orderflow.order", "OrderPlaced"): consumer}, DeadLetters(queue, "url"))

    assert consumer.seen == []
    assert queue.reasons == ["PaymentAuthorized from orderflow.payment: no handler here is for this event"]


def test_one_handler_can_serve_every_channel(consumer: Consumer, queue: Queue) -> None:
    receive(records(message(authorized())), {("orderflow.*", "PaymentAuthorized"): consumer}, DeadLetters(queue, "url"))

    assert consumer.seen_ids == [authorized().event_id]


def test_event_that_its_handler_refuses_is_quarantined(consumer: Consumer, queue: Queue) -> None:
    consumer.raises[authorized(1).event_id] = InvalidEventError("PaymentAuthorized", "data.total", "is of another currency")

    assert deliver(consumer, queue, message(authorized(1)), message(authorized(2))) == []
    assert queue.reasons == ["PaymentAuthorized: data.total: is of another currency"]
    assert consumer.seen_ids == [authorized(2).event_id]


def test_only_the_message_of_a_failed_handler_is_redelivered(consumer: Consumer, queue: Queue) -> None:
    consumer.raises[authorized(1).event_id] = RuntimeError("the table is down")

    assert deliver(consumer, queue, *(message(authorized(n)) for n in range(3))) == ["message-1"]

    assert consumer.seen_ids == [authorized(0).event_id, authorized(2).event_id]
    assert queue.messages == []


def test_bad_message_is_kept_until_it_is_quarantined(consumer: Consumer, queue: Queue) -> None:
    queue.down = True

    assert deliver(consumer, queue, "not json", message(authorized())) == ["message-0"]
    assert consumer.seen_ids == [authorized().event_id]


def test_a_long_reason_fits_its_attribute(consumer: Consumer, queue: Queue) -> None:
    consumer.raises[authorized().event_id] = InvalidEventError("PaymentAuthorized", "", "x" * 5000)

    deliver(consumer, queue, message(authorized()))

    assert [len(reason) for reason in queue.reasons] == [1024]


def test_a_body_is_parsed_into_the_event_that_was_published() -> None:
    assert parse(message(authorized())) == Delivery(authorized(), None)


@pytest.mark.parametrize(("received", "seconds"), [(1, 5), (2, 10), (5, 80), (9, 900)])
def test_failed_message_is_retried_with_growing_back_off(queue: Queue, consumer: Consumer, received: int, seconds: int) -> None:
    consumer.raises[authorized().event_id] = RuntimeError("no")
    (record,) = records(message(authorized()))
    record |= {"receiptHandle": "handle", "attributes": {"ApproximateReceiveCount": str(received)}}
    answer = receive([record], {AUTHORIZED: consumer}, DeadLetters(queue, "https://queue/dead", "https://queue"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert queue.hidden == [("https://queue", "handle", seconds)]
