"""`orderctl dlq redrive` and `drop`: back to its own queue, once its schema takes it; nothing is lost at any crash."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from kernel.inbox import ATTEMPTS, DeadLetters, InvalidEventError
from kernel.schemas import read_schemas
from operations.dead_letters import messages, redrives
from operations.dead_letters.redrives import Chosen
from operations.errors import CheckFailedError, UserError
from orderctl.commands.dlq import app
from tests.support.held_queues import HeldQueues
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json, without_long_polls

QUEUES = ("order/intake", "platform/quarantine", "payment/relay")
GOOD = {
    "source": "orderflow.channel.cdnow",
    "detail-type": "OrderPlaced",
    "detail": read_schemas()["orderflow.channel.*", "OrderPlaced", 1]["examples"][0],
}
BAD = copy.deepcopy(GOOD)
BAD["detail"]["data"]["lines"] = [{"sku": "no such thing", "quantity": 0}]


@pytest.fixture
def deployed(aws: None) -> Iterator[Stage]:
    names = [f"{name}-dlq-url" for name in QUEUES] + ["order/intake-queue-url"]
    for name in names:
        url = Stage().client("sqs").create_queue(QueueName=name.replace("/", "-"))["QueueUrl"]
        Stage().client("ssm").put_parameter(Name=f"/orderflow/dev/{name}", Value=url, Type="String")
    with without_long_polls(Stage().client("sqs")):
        yield Stage()


def url(name: str) -> str:
    return str(Stage().client("sqs").get_queue_url(QueueName=name.replace("/", "-"))["QueueUrl"])


def bury(body: Any, name: str = "order/intake-dlq-url", **attributes: str) -> str:
    sent = (
        Stage()
        .client("sqs")
        .send_message(
            QueueUrl=url(name),
            MessageBody=body if isinstance(body, str) else json.dumps(body),
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
        )
    )
    return str(sent["MessageId"])


def holds(name: str) -> list[tuple[Any, dict[str, str]]]:
    """Return the bodies and attributes of a queue's messages."""
    found = messages.peek(Stage().client("sqs"), url(name), 100)
    return [(json.loads(message["Body"]), redrives._attributes(message)) for message in found]


def test_a_message_goes_back_to_the_queue_it_failed_in(deployed: Stage) -> None:
    bury(GOOD, reason="no such SKU", field="data.lines")
    [result] = orderctl_json(app, deployed, "redrive", "order/intake", "--all")
    assert (result["outcome"], result["why"]) == ("redriven", "attempt 1, to order/intake")
    assert holds("order/intake-queue-url") == [(GOOD, {ATTEMPTS: "1"})]
    assert holds("order/intake-dlq-url") == []
    assert orderctl_json(app, deployed, "redrive", "order/intake", "--all") == []


def test_invalid_message_is_kept_with_every_fault(deployed: Stage) -> None:
    bury(BAD)
    bury(GOOD)
    with pytest.raises(CheckFailedError, match="still invalid and stay in the queue"):
        orderctl(app, deployed, "redrive", "order/intake", "--all")
    assert holds("order/intake-dlq-url") == [(BAD, {})]
    assert [body for body, _ in holds("order/intake-queue-url")] == [GOOD]
    [message] = orderctl_json(app, deployed, "show", "order/intake")
    assert [violation.partition(":")[0] for violation in message["violations"]] == [
        "data.lines[0].quantity",
        "data.lines[0].sku",
    ]


def test_message_goes_to_quarantine_after_three_redrives(deployed: Stage) -> None:
    bury(GOOD)
    for attempt in ("1", "2", "3"):
        orderctl(app, deployed, "redrive", "order/intake", "--all")
        [(_, attributes)] = holds("order/intake-queue-url")
        assert attributes == {ATTEMPTS: attempt}
        fails_again(deployed)
    [result] = orderctl_json(app, deployed, "redrive", "order/intake", "--all")
    assert (result["outcome"], result["why"]) == ("quarantined", "already redriven 3 times")
    [(body, attributes)] = holds("platform/quarantine-dlq-url")
    assert (body, attributes["origin"], attributes["reason"]) == (GOOD, "order/intake", "OrderPlaced: no such SKU")
    assert holds("order/intake-dlq-url") == []


def fails_again(stage: Stage) -> None:
    """Let the intake quarantine its message once more."""
    client, queue = stage.client("sqs"), url("order/intake-queue-url")
    [message] = client.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"]
    tried = message["MessageAttributes"][ATTEMPTS]["StringValue"]
    record = {"body": message["Body"], "messageAttributes": {ATTEMPTS: {"stringValue": tried, "dataType": "String"}}}
    DeadLetters(client, url("order/intake-dlq-url")).quarantine(record, InvalidEventError("OrderPlaced", "", "no such SKU"))
    client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def test_message_from_quarantine_returns_to_its_queue_with_a_new_count(deployed: Stage) -> None:
    bury(GOOD, "platform/quarantine-dlq-url", origin="order/intake", **{ATTEMPTS: "3"})
    [result] = orderctl_json(app, deployed, "redrive", "platform/quarantine", "--all")
    assert result["outcome"] == "redriven"
    assert holds("order/intake-queue-url") == [(GOOD, {ATTEMPTS: "1"})]


def test_a_message_without_a_queue_stops_no_other_in_quarantine(deployed: Stage) -> None:
    for origin in ("loyalty/orders", "order/intake", "loyalty/orders", "order/intake"):
        bury(GOOD, "platform/quarantine-dlq-url", origin=origin, redrive_attempts="three")
    with pytest.raises(CheckFailedError):
        orderctl(app, deployed, "redrive", "platform/quarantine", "--all")
    assert len(holds("order/intake-queue-url")) == 2
    assert [attributes["origin"] for _, attributes in holds("platform/quarantine-dlq-url")] == ["loyalty/orders"] * 2


def test_a_count_of_redrives_that_is_no_number_stops_nothing(deployed: Stage) -> None:
    bury(GOOD, redrive_attempts="three")
    assert orderctl_json(app, deployed, "show", "order/intake")[0]["redriven"] == 0
    assert orderctl_json(app, deployed, "redrive", "order/intake", "--all")[0]["outcome"] == "redriven"


def test_message_that_sqs_refuses_stops_no_other(deployed: Stage) -> None:
    """A letter has attributes that the message had not: with them it can be too long for its queue."""
    long = copy.deepcopy(GOOD)
    long["detail"]["data"]["idempotency_key"] = "k" * 255
    sqs, intake = Stage().client("sqs"), url("order/intake-queue-url")
    sqs.set_queue_attributes(QueueUrl=intake, Attributes={"MaximumMessageSize": "1024"})
    for body in (json.dumps(long) + " " * 2000, GOOD, GOOD):
        bury(body)
    outcomes = redrives.redrive(deployed, "order/intake", redrives.chosen(None, everything=True), 3, lambda _: None)
    assert sorted(outcome["outcome"] for outcome in outcomes) == ["kept", "redriven", "redriven"]
    assert len(holds("order/intake-dlq-url")) == 1
    assert len(holds("order/intake-queue-url")) == 2


def test_only_the_chosen_messages_are_moved(deployed: Stage) -> None:
    ids = [bury({**GOOD, "id": str(number)}) for number in range(25)]
    results = orderctl_json(app, deployed, "redrive", "order/intake", "--id", ids[3], "--id", ids[17])
    assert {result["id"] for result in results} == {ids[3], ids[17]}
    assert len(holds("order/intake-dlq-url")) == 23
    with pytest.raises(UserError, match="order/intake has no message nowhere"):
        orderctl(app, deployed, "redrive", "order/intake", "--id", "nowhere")
    assert len(holds("order/intake-dlq-url")) == 23


@pytest.mark.parametrize("everything", [True, False])
def test_messages_that_another_reader_holds_are_awaited(deployed: Stage, everything: bool) -> None:
    """As a look at the queue does, on the page or by `dlq show`: it hides the messages for a second or two."""
    ids = [bury(GOOD), bury(GOOD)]
    held = deployed.client("sqs").receive_message(QueueUrl=url("order/intake-dlq-url"), VisibilityTimeout=2)["Messages"]
    assert len(held) == 1
    which = ["--all"] if everything else ["--id", ids[0], "--id", ids[1]]
    results = orderctl_json(app, deployed, "redrive", "order/intake", *which)
    assert sorted(result["id"] for result in results) == sorted(ids)


def test_crash_after_the_send_leaves_the_message_in_both_queues(deployed: Stage) -> None:
    class Dying:
        """SQS, until a message is to be deleted."""

        def __getattr__(self, name: str) -> Any:
            if name == "delete_message":
                raise KeyboardInterrupt
            return getattr(Stage().client("sqs"), name)

    bury(GOOD)
    with pytest.raises(KeyboardInterrupt):
        redrives.redrive(Stage(fakes={"sqs": Dying()}), "order/intake", Chosen(None), 3, lambda result: None)
    assert len(holds("order/intake-queue-url")) == 1
    held = (
        Stage()
        .client("sqs")
        .get_queue_attributes(QueueUrl=url("order/intake-dlq-url"), AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    )
    assert held["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1", "it comes back in two minutes"


class FailingAtOnce:
    """SQS, whose clock is `ahead` of the operator's, beside a consumer that quarantines each message at once."""

    def __init__(self, ahead: timedelta) -> None:
        self.client, self.ahead = Stage().client("sqs"), ahead

    def send_message(self, **message: Any) -> Any:
        sent = self.client.send_message(**message)
        if message["QueueUrl"] == url("order/intake-queue-url"):
            fails_again(Stage())
        return sent

    def receive_message(self, **request: Any) -> Any:
        answer = self.client.receive_message(**request)
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        headers["date"] = format_datetime(parsedate_to_datetime(headers["date"]) + self.ahead)
        for message in answer.get("Messages", []):
            sent_at = int(message["Attributes"]["SentTimestamp"])
            message["Attributes"]["SentTimestamp"] = str(sent_at + self.ahead // timedelta(milliseconds=1))
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


@pytest.mark.parametrize("minutes", [-2, 0, 2])
def test_message_that_fails_again_at_once_is_tried_once(deployed: Stage, minutes: int) -> None:
    letters = {bury({**GOOD, "id": str(number)}) for number in range(15)}
    stage = Stage(fakes={"sqs": FailingAtOnce(timedelta(minutes=minutes))})
    results = orderctl_json(app, stage, "redrive", "order/intake", "--all")
    assert [(result["outcome"], result["why"]) for result in results] == [("redriven", "attempt 1, to order/intake")] * 15
    assert {result["id"] for result in results} == letters
    assert [attributes[ATTEMPTS] for _, attributes in holds("order/intake-dlq-url")] == ["1"] * 15


def test_message_that_comes_after_the_beginning_has_to_wait(deployed: Stage) -> None:
    class Late(FailingAtOnce):
        """SQS, to which a consumer sends another message two seconds after the command began."""

        def send_message(self, **message: Any) -> Any:
            sent = self.client.send_message(**message)
            self.ahead += timedelta(seconds=2)
            bury({**GOOD, "id": "late"})
            return sent

    bury(GOOD)
    [result] = orderctl_json(app, Stage(fakes={"sqs": Late(timedelta())}), "redrive", "order/intake", "--all")
    assert result["outcome"] == "redriven"
    assert [body["id"] for body, _ in holds("order/intake-dlq-url")] == ["late"]


@pytest.mark.parametrize("command", ["redrive", "drop"])
@pytest.mark.parametrize(("limit", "number"), [((), 1010), (("--limit", "5"), 5)])
def test_all_means_all_unless_a_limit_is_given(
    deployed: Stage, tmp_path: Path, command: str, limit: tuple[str, ...], number: int
) -> None:
    queues, letters = HeldQueues(datetime.now(UTC)), url("order/intake-dlq-url")
    for _ in range(1010):
        queues.send_message(QueueUrl=letters, MessageBody=json.dumps(GOOD), MessageAttributes={})
    stage = Stage(fakes={"sqs": queues})
    to = ("--to", str(tmp_path / "dropped.jsonl")) if command == "drop" else ()
    assert len(orderctl_json(app, stage, command, "order/intake", "--all", *limit, *to)) == number


def test_message_that_stays_in_a_long_run_is_looked_at_once(deployed: Stage) -> None:
    """SQS hides a message for two minutes only, so a long run receives again what it kept."""

    class Forgetful:
        """SQS, which hides nothing, and returns its messages in turn."""

        def __init__(self) -> None:
            self.client, self.turn = Stage().client("sqs"), 0

        def receive_message(self, **request: Any) -> Any:
            answer = self.client.receive_message(**{**request, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0})
            found = sorted(answer.get("Messages", []), key=lambda message: str(message["MessageId"]))
            self.turn += 1
            answer["Messages"] = found[self.turn % 2 :: 2]
            return answer

        def __getattr__(self, name: str) -> Any:
            return getattr(self.client, name)

    letters = {bury({**BAD, "id": str(number)}) for number in range(5)}
    results = redrives.redrive(Stage(fakes={"sqs": Forgetful()}), "order/intake", Chosen(None), 3, lambda _: None)
    assert sorted(result["id"] for result in results) == sorted(letters)
    assert len(holds("order/intake-dlq-url")) == 5


def test_notes_of_a_relay_cannot_be_redriven(deployed: Stage) -> None:
    bury({"requestContext": {"condition": "RetryAttemptsExhausted"}}, "payment/relay-dlq-url")
    with pytest.raises(UserError, match=r"payment/relay holds payment rows .* the sweeper publishes them"):
        orderctl(app, deployed, "redrive", "payment/relay", "--all")
    assert len(holds("payment/relay-dlq-url")) == 1


def test_dropped_message_is_copied_to_a_file_first(deployed: Stage, tmp_path: Path) -> None:
    bury(BAD, reason="data.lines: bad")
    bury("not JSON")
    file = tmp_path / "dropped.jsonl"
    results = orderctl_json(app, deployed, "drop", "order/intake", "--all", "--to", str(file))
    assert [result["outcome"] for result in results] == ["dropped", "dropped"]
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert {json.dumps(one["body"]) for one in kept} == {json.dumps(BAD), '"not JSON"'}
    assert {one["queue"] for one in kept} == {"order/intake"}
    assert holds("order/intake-dlq-url") == []


@pytest.mark.parametrize("command", ["redrive", "drop"])
@pytest.mark.parametrize("options", [(), ("--all", "--id", "1")])
def test_missing_or_double_choice_is_refused(deployed: Stage, command: str, options: tuple[str, ...]) -> None:
    bury(GOOD)
    with pytest.raises(UserError, match="Choose messages by --id, or all of them"):
        orderctl(app, deployed, command, "order/intake", *options)
    assert len(holds("order/intake-dlq-url")) == 1
