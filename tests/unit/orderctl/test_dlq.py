"""`orderctl dlq`: the dead-letter queues, their messages and the reasons; nothing is taken out."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from operations.dead_letters import messages
from operations.errors import UserError
from operations.polling import Clock
from orderctl.commands.dlq import app
from tests.unit.orderctl.conftest import ManualClock, Stage, orderctl, orderctl_json, without_long_polls

PLACED = {"source": "orderflow.order", "detail-type": "OrderPlaced", "detail": {"metadata": {"order_id": "ord-1"}, "data": {}}}


@pytest.fixture
def urls(aws: None) -> dict[str, str]:
    """Return the URLs of the stage's queues, by the names of their parameters."""
    made = {}
    for name in ("order/intake-dlq-url", "shipping/orders-dlq-url", "order/intake-queue-url"):
        made[name] = str(Stage().client("sqs").create_queue(QueueName=name.replace("/", "-"))["QueueUrl"])
        Stage().client("ssm").put_parameter(Name=f"/orderflow/dev/{name}", Value=made[name], Type="String")
    return made


@pytest.fixture
def deployed(urls: dict[str, str]) -> Iterator[Stage]:
    with without_long_polls(Stage().client("sqs")):
        yield Stage()


def bury(url: str, body: Any, **attributes: str) -> None:
    Stage().client("sqs").send_message(
        QueueUrl=url,
        MessageBody=body if isinstance(body, str) else json.dumps(body),
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )


def shown(stage: Stage, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orderctl_json(app, stage, "show", "order/intake", *options)
    return found


def test_the_dead_letter_queues_are_listed_and_no_others(deployed: Stage, urls: dict[str, str]) -> None:
    bury(urls["order/intake-dlq-url"], PLACED)
    bury(urls["order/intake-dlq-url"], PLACED)
    assert orderctl_json(app, deployed, "list") == [
        {"name": "order/intake", "messages": 2, "holds": "events that order rejected, or failed to process"},
        {"name": "shipping/orders", "messages": 0, "holds": "events that shipping rejected, or failed to process"},
    ]


def test_first_message_is_waited_for(deployed: Stage, urls: dict[str, str]) -> None:
    assert shown(deployed, "--wait", "1") == []
    late = ManualClock()

    def sleep(seconds: float) -> None:
        late.sleep(seconds)
        bury(urls["order/intake-dlq-url"], PLACED)

    assert len(shown(replace(deployed, clock=Clock(late.clock.now, sleep)), "--wait", "60")) == 1


def test_name_of_a_queue_states_its_content() -> None:
    assert messages.content_of("payment/relay") == (
        "payment rows whose events the relay could not publish; the sweeper publishes them"
    )
    assert messages.content_of("order/start") == "events that did not start the saga; the order sweeper starts it"


def test_quarantined_message_shows_its_event_order_and_reason(deployed: Stage, urls: dict[str, str]) -> None:
    bury(urls["order/intake-dlq-url"], PLACED, reason="data.lines: must not be empty", field="data.lines")
    [message] = shown(deployed)
    assert (message["event"], message["order_id"]) == ("OrderPlaced", "ord-1")
    assert message["reason"] == "data.lines: must not be empty"
    assert message["body"] == PLACED
    assert "must not be empty" in orderctl(app, deployed, "show", "order/intake").stdout.replace("\n", " ")


def test_undelivered_message_shows_the_error_of_the_bus(deployed: Stage, urls: dict[str, str]) -> None:
    bury(urls["order/intake-dlq-url"], PLACED, RULE_ARN="arn:rule", ERROR_CODE="NO_PERMISSIONS", ERROR_MESSAGE="not allowed")
    assert shown(deployed)[0]["reason"] == "NO_PERMISSIONS: not allowed"


def test_abandoned_stream_records_show_their_function(deployed: Stage, urls: dict[str, str]) -> None:
    context = {
        "condition": "RetryAttemptsExhausted",
        "functionArn": "arn:aws:lambda:eu-west-1:1:function:payment-relay",
        "approximateInvokeCount": 11,
    }
    bury(urls["order/intake-dlq-url"], {"requestContext": context, "DDBStreamBatchInfo": {"batchSize": 1}})
    [message] = shown(deployed)
    assert message["reason"].startswith("RetryAttemptsExhausted: the event is still in its row after payment-relay failed")
    assert (message["event"], message["order_id"]) == (None, None)


def test_message_that_failed_too_often_refers_to_the_log(deployed: Stage, urls: dict[str, str]) -> None:
    bury(urls["order/intake-dlq-url"], PLACED)
    assert "see its log" in shown(deployed)[0]["reason"]


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "[]",
        "7",
        "null",
        {"detail": "text"},
        {"detail": {"metadata": [1]}},
        {"requestContext": None},
        "[bold]x[/bold]",
    ],
)
def test_any_dead_letter_can_be_listed(deployed: Stage, urls: dict[str, str], body: Any) -> None:
    bury(urls["order/intake-dlq-url"], body)
    [message] = shown(deployed)
    assert message["order_id"] is None
    assert message["id"][:20] in orderctl(app, deployed, "show", "order/intake").stdout


def test_show_neither_removes_nor_hides_a_message(deployed: Stage, urls: dict[str, str]) -> None:
    for number in range(25):
        bury(urls["order/intake-dlq-url"], {**PLACED, "id": number})
    for _ in range(2):
        assert {message["body"]["id"] for message in shown(deployed, "--limit", "100")} == set(range(25))
    held = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = Stage().client("sqs").get_queue_attributes(QueueUrl=urls["order/intake-dlq-url"], AttributeNames=held)["Attributes"]
    assert [found[name] for name in held] == ["25", "0"]


def test_interrupted_show_makes_its_messages_visible_again(deployed: Stage, urls: dict[str, str]) -> None:
    class Broken:
        """SQS, until it is asked a second time."""

        def __init__(self) -> None:
            self.sqs, self.asked = Stage().client("sqs"), 0

        def receive_message(self, **request: Any) -> Any:
            self.asked += 1
            if self.asked > 1:
                raise KeyboardInterrupt
            return self.sqs.receive_message(**request)

        def change_message_visibility_batch(self, **request: Any) -> Any:
            return self.sqs.change_message_visibility_batch(**request)

    for _ in range(12):
        bury(urls["order/intake-dlq-url"], PLACED)
    with pytest.raises(KeyboardInterrupt):
        messages.peek(Broken(), urls["order/intake-dlq-url"], 12)
    assert len(shown(deployed, "--limit", "12")) == 12


def test_show_prints_at_most_the_limit(deployed: Stage, urls: dict[str, str]) -> None:
    for _ in range(5):
        bury(urls["order/intake-dlq-url"], PLACED)
    assert len(shown(deployed, "--limit", "3")) == 3


def test_empty_queue_is_reported(deployed: Stage) -> None:
    assert shown(deployed) == []
    assert "order/intake is empty." in orderctl(app, deployed, "show", "order/intake").stdout


def test_unknown_queue_is_refused(deployed: Stage) -> None:
    with pytest.raises(UserError, match="There is no dead-letter queue billing/x") as refused:
        orderctl(app, deployed, "show", "billing/x")
    assert refused.value.hint == "Choose one of: order/intake, shipping/orders."
