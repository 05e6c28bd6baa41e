"""`orderctl events`: events are checked before they are published, and a tail leaves nothing behind."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from laptop import seed
from operations.aws.target import Kind, Target
from operations.errors import UserError
from operations.events import live_tail
from orderctl.commands import events as events_command
from orderctl.commands.events import app
from orderctl.terminal.output import Format, Progress
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

EXAMPLE = Path(__file__).parents[3] / "data" / "order-placed.json"


def an_order(key: str = "k-1", **changes: Any) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(EXAMPLE.read_text())
    detail["metadata"]["event_id"] = f"shop-{key}"
    detail["data"] |= {"idempotency_key": key, **changes}
    return detail


@pytest.fixture(autouse=True)
def seeded(stage: Stage) -> None:
    seed.seed(stage, Progress())


def test_example_of_the_help_is_published_with_its_order_id(stage: Stage) -> None:
    (published,) = orderctl_json(app, stage, "publish", str(EXAMPLE), "--channel", "shop")
    (order,) = stage.orders().values()
    assert published["order_id"] == order["order_id"]
    assert (published["event_id"], published["bus_id"]) == ("orderctl-example-1", "bus-1-0")
    assert (order["channel"], order["total"]["amount"]) == ("shop", 2500)


def test_a_list_comes_from_standard_input_in_batches(stage: Stage) -> None:
    stage.bus.delivers = False
    feed = [an_order(f"k-{n}") for n in range(12)]
    answer = orderctl(app, stage, "publish", "-", "-o", "json", stdin=json.dumps(feed))
    assert [row["event_id"] for row in json.loads(answer.stdout)] == [f"shop-k-{n}" for n in range(12)]
    assert [len(call) for call in stage.bus.calls] == [10, 2]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (an_order(unit_price=1), "data"),
        (an_order(lines=[{"sku": "MUG-BLUE", "quantity": 0}]), r"data\.lines\[0\]\.quantity"),
        ({"data": {}}, "metadata"),
        ("text", "metadata"),
    ],
)
def test_one_invalid_event_stops_the_publication(stage: Stage, bad: Any, why: str) -> None:
    with pytest.raises(UserError, match=rf"Event 2 of 2: .*{why}") as caught:
        orderctl(app, stage, "publish", "-", stdin=json.dumps([an_order(), bad]))
    assert caught.value.hint == "Nothing was published. Correct the event, then try again."
    assert stage.bus.calls == []


def an_entry(**changes: Any) -> dict[str, Any]:
    entry = {"EventBusName": "bus", "Source": "orderflow.channel.shop", "DetailType": "OrderPlaced"}
    return {**entry, "Detail": json.dumps(an_order()), **changes}


@pytest.mark.parametrize("wrap", [lambda entry: entry, lambda entry: [entry], lambda entry: {"Entries": [entry]}])
def test_entry_of_put_events_is_published_with_its_source(stage: Stage, wrap: Callable[[Any], Any]) -> None:
    arn = "arn:aws:events:eu-west-1:123456789012:event-bus/bus"
    answer = orderctl(app, stage, "publish", "-", "-o", "json", stdin=json.dumps(wrap(an_entry(EventBusName=arn))))
    (order,) = stage.orders().values()
    assert (order["channel"], order["order_id"]) == ("shop", json.loads(answer.stdout)[0]["order_id"])


@pytest.mark.parametrize(
    ("changes", "why", "todo"),
    [
        ({"Source": "my.company.shop"}, "Source is 'my.company.shop': no rule matches it", "'orderflow.channel.NAME'"),
        ({"Source": "orderflow.order"}, "Source is 'orderflow.order'", "'orderflow.channel.NAME'"),
        ({"Source": None}, "Source is missing", "'orderflow.channel.NAME'"),
        ({"EventBusName": None}, "EventBusName is missing: .* default bus, which has no consumers", "Write 'bus'"),
        ({"EventBusName": "default"}, "EventBusName is 'default'", "'bus'"),
        ({"DetailType": "OrderConfirmed"}, "DetailType is 'OrderConfirmed'", "'OrderPlaced'"),
        ({"DetailType": None}, "DetailType is missing", "'OrderPlaced'"),
        ({"Detail": an_order()}, "Detail is not a text", r"json\.dumps"),
        ({"Detail": "{"}, "Detail is not JSON", ""),
        ({"Detail": json.dumps({"metadata": {}})}, "metadata", ""),
        ({"detail": "{}"}, "detail is unknown", "'Detail'"),
    ],
)
def test_entry_that_eventbridge_would_lose_is_refused_before_it_is_sent(
    stage: Stage, changes: dict[str, Any], why: str, todo: str
) -> None:
    wrong = {name: value for name, value in an_entry(**changes).items() if value is not None}
    with pytest.raises(UserError, match=f"Event 2 of 2: .*{why}.*{todo}") as caught:
        orderctl(app, stage, "publish", "-", stdin=json.dumps([an_entry(), wrong]))
    assert caught.value.hint.startswith("Nothing was published.")
    assert stage.bus.calls == []


def test_entry_of_another_channel_than_the_option_is_refused(stage: Stage) -> None:
    with pytest.raises(UserError, match=r"Source is 'orderflow\.channel\.shop': --channel is 'marketplace'"):
        orderctl(app, stage, "publish", "-", "--channel", "marketplace", stdin=json.dumps(an_entry()))


def test_unreadable_file_is_reported(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        orderctl(app, stage, "publish", str(tmp_path / "none.json"))
    with pytest.raises(UserError, match="Standard input is not JSON"):
        orderctl(app, stage, "publish", "-", stdin="{")
    with pytest.raises(UserError, match="not a channel name"):
        orderctl(app, stage, "publish", str(EXAMPLE), "--channel", "orderflow.payment")


class Watched(Target):
    """A target with moto's bus, rules and queues."""

    def parameter(self, name: str) -> str:
        return "bus"


@pytest.fixture
def watched(aws: None) -> Watched:
    boto3.client("events").create_event_bus(Name="bus")
    return Watched(Kind.AWS, region="eu-west-1")


def put(detail_type: str, event_id: str, version: int | None = None) -> None:
    numbered = {} if version is None else {"event_version": version}
    detail = {"metadata": {"event_id": event_id, "occurred_at": "2026-11-23T04:05:06Z", **numbered}, "data": {}}
    entry = {"EventBusName": "bus", "Source": "orderflow.order", "DetailType": detail_type, "Detail": json.dumps(detail)}
    assert boto3.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def left_behind() -> tuple[list[Any], list[str]]:
    rules = boto3.client("events").list_rules(EventBusName="bus")["Rules"]
    return rules, boto3.client("sqs").list_queues().get("QueueUrls", [])


@contextmanager
def before(operation: str, act: Callable[[], None]) -> Iterator[None]:
    """Act before each call of an operation of SQS by a tail."""
    events = Watched(Kind.AWS, region="eu-west-1").client("sqs", read_timeout=30).meta.events

    def handle(**_: Any) -> None:
        act()

    events.register(f"provide-client-params.sqs.{operation}", handle)
    yield
    events.unregister(f"provide-client-params.sqs.{operation}", handle)


@pytest.fixture
def someone_publishes(aws: None) -> Iterator[None]:
    """Publish three events when the tail looks for the first."""
    waiting = {"e-0": "OrderPlaced", "e-1": "OrderConfirmed", "e-2": "OrderConfirmed"}

    def publish() -> None:
        for event_id, detail_type in waiting.items():
            put(detail_type, event_id)
        waiting.clear()

    with before("ReceiveMessage", publish):
        yield


@pytest.mark.usefixtures("someone_publishes")
def test_a_tail_prints_json_lines_and_leaves_nothing_behind(watched: Watched) -> None:
    answer = orderctl(app, watched, "tail", "--count", "3", "-o", "json")
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    assert {event["detail"]["metadata"]["event_id"] for event in events} == {"e-0", "e-1", "e-2"}
    assert left_behind() == ([], [])


@pytest.mark.usefixtures("someone_publishes")
def test_tail_shows_only_the_chosen_type(watched: Watched) -> None:
    answer = orderctl(app, watched, "tail", "--type", "OrderPlaced", "--count", "1")
    assert answer.stdout.split() == ["2026-11-23T04:05:06Z", "OrderPlaced", "order", "e-0"]


def test_versions_of_one_event_are_one_line(watched: Watched) -> None:
    waiting = [("e-0", 3), ("e-0", 2), ("e-0", 3), ("e-1", 1)]

    def publish() -> None:
        while waiting:
            event_id, version = waiting.pop(0)
            put("OrderPlaced", event_id, version)

    with before("ReceiveMessage", publish):
        answer = orderctl(app, watched, "tail", "--count", "3")
    assert sorted(line.split()[1:] for line in answer.stdout.splitlines()) == [
        ["OrderPlaced", "v1", "order", "e-1"],
        *[["OrderPlaced", "v3", "order", "e-0"]] * 2,
    ]


def test_tail_ends_after_its_timeout(watched: Watched) -> None:
    answer = orderctl(app, watched, "tail", "--timeout", "0")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert left_behind() == ([], [])


def test_a_tail_that_is_interrupted_leaves_nothing_behind(watched: Watched) -> None:
    def interrupt() -> None:
        assert all(left_behind())
        raise KeyboardInterrupt

    with before("ReceiveMessage", interrupt):
        answer = orderctl(app, watched, "tail")
    assert answer.exit_code == 0
    assert left_behind() == ([], [])


def test_only_the_rule_may_send_to_the_tails_queue(watched: Watched) -> None:
    with live_tail.watched(watched, live_tail.EVERYTHING) as url:
        attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
        (rule,) = boto3.client("events").list_rules(EventBusName="bus")["Rules"]
        (statement,) = json.loads(attributes["Policy"])["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": rule["Arn"]}}


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ('{"source": "a"}', "source must be an array"),
        ('{"detail": {"data": {"reason": [{"contains": "STOCK"}]}}}', "'contains' is not an operator"),
    ],
)
def test_a_pattern_that_aws_would_refuse_is_wrong_usage_before_anything_is_made(
    watched: Watched, pattern: str, why: str
) -> None:
    with before("CreateQueue", lambda: pytest.fail("a tail was made")):
        answer = orderctl(app, watched, "tail", "--pattern", pattern)
    assert answer.exit_code == 2
    assert why in " ".join(answer.stderr.replace("│", " ").split())
    assert left_behind() == ([], [])


@pytest.mark.parametrize(
    "detail",
    [
        {},
        {"metadata": None},
        {"metadata": "[/bold]"},
        {"metadata": {"order_id": ["x"], "occurred_at": "[/bold]"}},
        {"metadata": {"event_id": "\x1b[2J[red]"}},
    ],
)
def test_an_odd_event_does_not_end_the_tail(capsys: pytest.CaptureFixture[str], detail: dict[str, Any]) -> None:
    event = {"source": "orderflow.channel.shop", "detail-type": "OrderPlaced", "time": "2026-11-23T08:00:00Z"}
    events_command._print({**event, "detail": detail, "replay-name": "[/yellow]"}, Format.TABLE)
    shown = capsys.readouterr().out
    assert "OrderPlaced" in shown
    assert "\x1b[2J" not in shown
