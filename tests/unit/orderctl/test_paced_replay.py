"""A paced replay: in order, no faster than asked, and without loss if the command dies in the middle."""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

import pytest

from kernel.naming import PACED_REPLAY_PREFIX, catches_up, replay_prefix
from operations.errors import UserError
from operations.events.journal import BusEvent
from operations.replay import paced_replay
from orderctl.commands.replay import app
from tests.support.journal_objects import create_bucket
from tests.support.tables import create_table
from tests.unit.orderctl.conftest import ManualClock, Stage, orderctl
from tests.unit.orderctl.test_replay import RULES, Archive

CONFIRMED, DISPATCHED = ("orderflow.order", "OrderConfirmed"), ("orderflow.shipping", "ShipmentDispatched")
QUEUES = (
    "platform/staging",
    "notification/notices",
    "order/fulfilment",
    "order/intake",
    "shipping/orders",
    "shipping/bookings",
    "shipping/cancellations",
)


def event(pair: tuple[str, str], order_id: str, minute: int, replay: str = "paced-1") -> dict[str, Any]:
    time = f"2026-11-23T08:{minute:02}:00"
    metadata = {"event_id": f"{pair[1]}#{order_id}", "order_id": order_id, "occurred_at": f"{time}.000Z"}
    bus = {"source": pair[0], "detail-type": pair[1], "time": f"{time}Z", "replay-name": replay}
    return {**bus, "detail": {"metadata": metadata, "data": {}}}


HISTORY = [event(pair, f"ord-{n}", minute + n) for n in range(15) for minute, pair in enumerate((CONFIRMED, DISPATCHED))]


@dataclass
class PacedClock(ManualClock):
    """A clock that reports each sleep."""

    slept: Callable[[float], None] = lambda seconds: None

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.slept(seconds)


@dataclass
class Paced:
    """A stage with its queues. The consumers empty them whenever the operator's command pauses."""

    stage: Stage
    urls: dict[str, str]
    consuming: bool = True
    pauses: list[float] = field(default_factory=list)
    consumed: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def fill(self, events: list[dict[str, Any]]) -> None:
        for body in events:
            self.sqs.send_message(QueueUrl=self.urls["platform/staging"], MessageBody=json.dumps(body))

    @property
    def sqs(self) -> Any:
        return self.stage.client("sqs")

    def slept(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.consuming:
            self.consume()

    def consume(self) -> None:
        for name, url in self.urls.items():
            while name != "platform/staging" and (
                messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
            ):
                for message in messages:
                    self.consumed[name].append(json.loads(message["Body"]))
                    self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def replay(self, *services: str, a_second: float = 1000.0) -> int:
        staged = paced_replay.collect(self.stage, lambda: True, lambda found: None)
        return paced_replay.hand_on(
            self.stage, staged, paced_replay.consumers(self.stage, services), a_second, 60.0, lambda sent: None
        )

    def staged(self) -> int:
        return len(paced_replay.collect(self.stage, lambda: True, lambda found: None))


@pytest.fixture
def paced(aws: None) -> Paced:
    time = PacedClock()
    stage = Stage(fakes={"events": Archive(states=["COMPLETED"])}, clock=time.clock)
    urls = {name: stage.client("sqs").create_queue(QueueName=name.replace("/", "-"))["QueueUrl"] for name in QUEUES}
    parameters = (
        {f"{name}-queue-url": url for name, url in urls.items()} | RULES | {"platform/staging-rule-arn": "arn:rule/staging"}
    )
    for name, value in parameters.items():
        stage.client("ssm").put_parameter(Name=f"/orderflow/dev/{name}", Value=value, Type="String")
    stage.parameters.update(parameters)
    made = Paced(stage, urls)
    time.slept = made.slept
    return made


def of_an_order(events: list[dict[str, Any]], order_id: str) -> list[str]:
    return [found["detail-type"] for found in events if found["detail"]["metadata"]["order_id"] == order_id]


def test_every_consumer_gets_its_events_in_the_order_of_each_order(paced: Paced) -> None:
    paced.fill(Random(1).sample(HISTORY, len(HISTORY)))
    assert paced.replay("notification", "order") == 45
    paced.consume()
    for n in range(15):
        assert of_an_order(paced.consumed["notification/notices"], f"ord-{n}") == ["OrderConfirmed", "ShipmentDispatched"]
        assert of_an_order(paced.consumed["order/fulfilment"], f"ord-{n}") == ["ShipmentDispatched"]
    assert "shipping/orders" not in paced.consumed
    assert paced.staged() == 0


def test_event_without_a_chosen_consumer_is_removed_from_the_staging_queue(paced: Paced) -> None:
    paced.fill([event(DISPATCHED, "ord-1", 1)])
    assert paced.replay("shipping") == 0
    assert paced.staged() == 0


@pytest.mark.parametrize(
    "detail",
    [
        None,
        "text",
        [],
        {},
        {"metadata": None},
        {"metadata": {"event_id": "a"}},
        {"metadata": {"event_id": 1, "occurred_at": 2}},
    ],
)
def test_an_event_without_metadata_stops_no_other(paced: Paced, detail: object) -> None:
    odd = {"source": "orderflow.channel.shop", "detail-type": "OrderPlaced", "replay-name": "paced-1", "detail": detail}
    paced.fill([odd, *HISTORY[:2]])
    assert paced.replay("order", "shipping", "notification") == 4
    assert paced.staged() == 0


def test_long_events_are_delivered_although_no_call_takes_them_together(paced: Paced) -> None:
    """A channel's event can have 1 MB, and so can all messages of one call."""
    long = [event(CONFIRMED, f"ord-{n}", n) for n in range(3)]
    for found, signs in zip(long, ("x" * 400_000, "x" * 700_000, "é" * 300_000), strict=True):
        found["detail"]["data"] = {"note": signs}
    staged = [paced_replay.Staged(str(n), cast(BusEvent, found)) for n, found in enumerate(long)]
    calls: list[list[str]] = []

    class Sqs:
        """A queue that refuses a call of more than 1 MiB, as SQS does."""

        def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
            assert sum(len(entry["MessageBody"].encode()) for entry in Entries) <= 1024 * 1024
            calls.append([json.loads(entry["MessageBody"])["detail"]["metadata"]["order_id"] for entry in Entries])
            return {}

    stage = Stage(fakes={"sqs": Sqs()})
    paced_replay._send(stage, [paced_replay.Delivery(each, "https://queue", 0) for each in staged])
    assert calls == [["ord-0"], ["ord-1"], ["ord-2"]]


def test_delivery_is_not_faster_than_the_rate(paced: Paced) -> None:
    paced.fill([event(CONFIRMED, f"ord-{n}", n) for n in range(30)])
    paced.replay("shipping", a_second=5.0)
    assert sum(paced.pauses) == pytest.approx(30 / 5.0)


def test_event_waits_until_the_previous_one_is_consumed(paced: Paced) -> None:
    paced.consuming = False
    paced.fill(HISTORY)
    with pytest.raises(UserError, match="has not emptied in 60 s") as refused:
        paced.replay("notification")
    assert "orderctl replay resume" in refused.value.hint
    paced.consume()
    assert {found["detail-type"] for found in paced.consumed["notification/notices"]} == {"OrderConfirmed"}
    paced.consuming = True
    paced.replay("notification")
    paced.consume()
    assert len(paced.consumed["notification/notices"]) == 30


def test_crash_during_the_delivery_loses_nothing(paced: Paced) -> None:
    paced.fill(HISTORY)
    batches, call = iter(range(9)), "provide-client-params.sqs.SendMessageBatch"

    def die(**_: Any) -> None:
        if next(batches) == 2:
            raise KeyboardInterrupt

    paced.sqs.meta.events.register(call, die)
    with pytest.raises(KeyboardInterrupt):
        paced.replay("notification")
    paced.sqs.meta.events.unregister(call, die)
    paced.replay("notification")
    paced.consume()
    for n in range(15):
        assert of_an_order(paced.consumed["notification/notices"], f"ord-{n}")[-1] == "ShipmentDispatched"
    assert len(paced.consumed["notification/notices"]) == 30
    assert paced.staged() == 0


def test_the_archive_is_replayed_to_the_staging_queue_alone(paced: Paced) -> None:
    paced.fill([event(CONFIRMED, "ord-1", 1)])
    with pytest.raises(UserError, match="holds 1 event of an earlier paced replay"):
        orderctl(
            app,
            paced.stage,
            "start",
            "--from",
            "2026-11-22T08:00:00Z",
            "--until",
            "2026-11-22T09:00:00Z",
            "--to",
            "shipping",
            "--rate",
            "50/s",
        )
    answer = orderctl(app, paced.stage, "resume", "--to", "shipping", "-o", "json")
    assert json.loads(answer.stdout) == {"staged": 1, "delivered": 1}
    assert "Staged events: 1. Delivered: 1, at most 50 a second." in answer.stderr
    paced.consume()
    window = ("--from", "2026-11-22T08:00:00Z", "--until", "2026-11-22T09:00:00Z")
    assert orderctl(app, paced.stage, "start", *window, "--to", "shipping", "--rate", "50/s").exit_code == 0
    (replay,) = paced.stage.fakes["events"].replays.values()
    assert replay["Destination"]["FilterArns"] == ["arn:rule/staging"]
    assert replay["ReplayName"].startswith("paced-dev-")


def test_consumers_are_told_by_a_paced_replays_name_to_catch_up(paced: Paced) -> None:
    paced.stage.fakes["events"].retention_days = 0
    create_bucket(paced.stage.client("s3"), "journal")
    create_table(paced.stage.client("dynamodb"), "notification/table-name")
    old = ("--from", "2020-01-01T00:00:00Z", "--until", "2020-01-01T01:00:00Z")
    orderctl(app, paced.stage, "start", *old, "--to", "notification", "--catch-up", "--rate", "9/s")
    (name,) = paced.stage.fakes["events"].replays
    assert catches_up(name)
    assert name.startswith(PACED_REPLAY_PREFIX)


def test_catch_up_is_not_resumed_to_a_table_younger_than_its_events(paced: Paced) -> None:
    """The events wait for days: the table was made anew meanwhile, or `start` compared the tables of other services."""
    for service in ("notification", "order"):
        create_table(paced.stage.client("dynamodb"), paced.stage.parameter(f"{service}/table-name"))
    name = replay_prefix(paced=True, catch_up=True)
    paced.fill([event(CONFIRMED, "ord-1", 2, name), event(DISPATCHED, "ord-1", 1, name)])
    with pytest.raises(
        UserError, match=r"Notification's table was created at .* event of the window at 2026-11-23T08:01:00Z"
    ) as no:
        orderctl(app, paced.stage, "resume", "--to", "notification", "--to", "order")
    assert no.value.hint.endswith("If the service is new and has never acted, add --despite-new-table notification.")
    assert not paced.consumed
    answer = orderctl(app, paced.stage, "resume", "--to", "notification", "--despite-new-table", "notification")
    assert "Staged events: 2. Delivered: 2" in answer.stderr


def test_replay_without_catch_up_is_resumed_to_a_young_table(paced: Paced) -> None:
    create_table(paced.stage.client("dynamodb"), "notification/table-name")
    paced.fill([event(CONFIRMED, "ord-1", 1)])
    assert "Delivered: 1" in orderctl(app, paced.stage, "resume", "--to", "notification").stderr


@pytest.mark.parametrize(("text", "a_second"), [("50/s", 50), ("50", 50), ("600/m", 10), ("0.5/s", 0.5)])
def test_rate_is_read_as_events_per_second(text: str, a_second: float) -> None:
    assert paced_replay.rate(text) == a_second


@pytest.mark.parametrize("text", ["", "0", "-1/s", "fast", "50/h", "nan", "1e9"])
def test_malformed_rate_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"{text!r} is not a rate")):
        paced_replay.rate(text)
