"""The uses of the journal: the plan of a replay, and the trace of an order."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import typer

from journal.lines import line_of
from kernel import clock
from kernel.aggregate_store import marshal
from kernel.naming import SERVICES
from operations import order_trace
from operations.contracts import subscriptions
from operations.distinct import Distinct
from operations.errors import UserError
from operations.events import journal
from operations.order_trace import Replay
from operations.replay import catch_up_effects, plan
from operations.window import Window
from orderctl.commands import replay, trace
from services.order.domain import identity
from services.order.storage.catalogue import Catalogue
from services.order.storage.contacts import Contacts
from tests.support import journal_objects
from tests.support.consumers import CONSUMED
from tests.support.journal_of_orders import WINDOW, Body, JournalOfOrders, order_id
from tests.support.tables import create_table
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

NOW = datetime.now(UTC).replace(microsecond=0)
ORDER = "ord-1"
OTHER = "ord-2"
CHANNELS_EVENT = "cdnow-1"


@dataclass
class Bus:
    """EventBridge, as far as rules and replays go: every consumer's rule takes what it declares."""

    replays: list[dict[str, Any]] = field(default_factory=list)
    archived_from: datetime = field(default_factory=lambda: datetime.now(UTC))
    """By default, the archive is as old as the tables of the test."""
    exceptions = SimpleNamespace(ResourceNotFoundException=LookupError)

    def describe_archive(self, **request: Any) -> dict[str, Any]:
        return {**request, "RetentionDays": 30, "CreationTime": self.archived_from}

    def list_replays(self, **request: Any) -> dict[str, Any]:
        return {"Replays": self.replays}

    def describe_replay(self, **request: Any) -> dict[str, Any]:
        return next(found for found in self.replays if found["ReplayName"] == request["ReplayName"])

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_rules"
        patterns: dict[str, dict[str, Any]] = {}
        for consumer in subscriptions.consumers():
            pattern = patterns.setdefault(consumer.name, {"source": [], "detail-type": []})
            prefix = consumer.source.endswith("*")
            pattern["source"].append({"prefix": consumer.source[:-1]} if prefix else consumer.source)
            pattern["detail-type"].append(consumer.detail_type)
        rules = [
            {"Arn": f"arn:rule/{name}", "Name": name, "EventPattern": json.dumps(pattern), "State": "ENABLED"}
            for name, pattern in patterns.items()
        ]
        return SimpleNamespace(paginate=lambda **request: [{"Rules": rules}])


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def stage(aws: None, bus: Bus) -> Stage:
    made = Stage(fakes={"events": bus})
    journal_objects.create_bucket(boto3.client("s3"), "journal")
    for service in SERVICES:
        create_table(boto3.client("dynamodb"), made.parameter(f"{service}/table-name"))
    for name in {consumer.name for consumer in subscriptions.consumers()}:
        made.client("ssm").put_parameter(Name=f"/orderflow/dev/{name}-rule-arn", Value=f"arn:rule/{name}", Type="String")
    return made


Put = Callable[..., None]


@pytest.fixture
def put(stage: Stage) -> Put:
    """Journals an event that was put so many minutes ago, as the bus delivered it, and its first put twice.

    Its object is written `late` seconds after it.
    """

    def journal(
        source: str,
        detail_type: str,
        event_id: str,
        cause: str,
        *,
        ago: int = 30,
        order: str | None = ORDER,
        puts: int = 1,
        data: dict[str, Any] | None = None,
        more: dict[str, Any] | None = None,
        late: int = 60,
    ) -> None:
        at = NOW - timedelta(minutes=ago)
        known = {"event_id": event_id, "event_version": 1, "occurred_at": clock.rfc3339(at), "causation_id": cause}
        metadata = (known | {"order_id": order} if order else known) | (more or {})
        events = [
            {
                "id": f"{event_id}-{number}",
                "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
                "source": f"orderflow.{source}",
                "detail-type": detail_type,
                "detail": {"metadata": metadata, "data": data or {}},
            }
            for number in range(puts)
        ]
        journal_objects.write(stage.client("s3"), "journal", events + events[:1], at + timedelta(seconds=late))

    return journal


@pytest.fixture
def placed(stage: Stage) -> None:
    """Write the row of the order, with its timeline."""
    moments = {
        f"ORDER#{ORDER}#1": ("OrderPlaced", 30),
        f"ORDER#{ORDER}#4": ("OrderConfirmed", 28),
        f"SHIP#{ORDER}#2": ("ShipmentDispatched", 27),
    }
    timeline = [
        {"event": event, "event_id": event_id, "at": clock.rfc3339(NOW - timedelta(minutes=ago))}
        for event_id, (event, ago) in moments.items()
    ]
    times = {"created_at": timeline[0]["at"], "updated_at": timeline[-1]["at"]}
    row = {"pk": f"ORDER#{ORDER}", "order_id": ORDER, "placed_by": CHANNELS_EVENT, "timeline": timeline, **times}
    stage.client("dynamodb").put_item(TableName=stage.parameter("order/table-name"), Item=marshal(row))


@pytest.fixture
def history(put: Put, placed: None) -> None:
    """One order of a channel from its event to its parcel, its confirmation put twice; and another's an hour before."""
    put("channel.cdnow", "OrderPlaced", CHANNELS_EVENT, CHANNELS_EVENT, ago=31, order=None)
    put("order", "OrderPlaced", f"ORDER#{ORDER}#1", CHANNELS_EVENT)
    put("payment", "PaymentAuthorized", f"PAY#{ORDER}#1", f"ORDER#{ORDER}#1", ago=29)
    put("order", "OrderConfirmed", f"ORDER#{ORDER}#4", f"ORDER#{ORDER}#1", ago=28, puts=2)
    put("shipping", "ShipmentDispatched", f"SHIP#{ORDER}#2", f"ORDER#{ORDER}#4", ago=27)
    put("order", "OrderConfirmed", f"ORDER#{OTHER}#4", "elsewhere", ago=90, order=OTHER)


def planned(stage: Stage, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = orderctl_json(replay.app, stage, "plan", *options)
    return found


def test_plan_counts_the_events_of_the_window(stage: Stage, history: None) -> None:
    found = planned(stage, "--last", "1h", "--to", "notification")
    assert found["events"] == {"in_window": 5, "wanted": 5, "put_again": 1}
    assert found["by_type"] == {"OrderPlaced": 2, "PaymentAuthorized": 1, "OrderConfirmed": 1, "ShipmentDispatched": 1}
    assert sum(found["by_hour"].values()) == 5


def test_plan_shows_the_consumers_and_their_actions(stage: Stage, history: None) -> None:
    found = planned(stage, "--last", "2h", "--to", "notification", "--to", "order")
    told = {(row["consumer"], row["event"]): (row["deliveries"], row["does"]) for row in found["consumers"]}
    assert told == {
        ("notification/notices", "OrderConfirmed"): (3, "nothing"),
        ("notification/notices", "OrderCancelled"): (0, "nothing"),
        ("notification/notices", "ShipmentDispatched"): (1, "nothing"),
        ("order/intake", "OrderPlaced"): (1, "nothing"),
        ("order/fulfilment", "ShipmentDispatched"): (1, "creates missing records"),
        ("order/fulfilment", "ShipmentDelivered"): (0, "creates missing records"),
        ("order/fulfilment", "ShipmentCancelled"): (0, "creates missing records"),
        ("order/fulfilment", "ShipmentFailed"): (0, "creates missing records"),
        ("order/fulfilment", "PaymentRefunded"): (0, "creates missing records"),
        ("order/fulfilment", "PaymentRefundedOutside"): (0, "creates missing records"),
        ("order/fulfilment", "StockAllocated"): (0, "creates missing records"),
        ("order/fulfilment", "StockReleased"): (0, "creates missing records"),
        ("notification/notices", "OrderBackordered"): (0, "nothing"),
    }
    catching_up = planned(stage, "--last", "2h", "--to", "notification", "--catch-up")
    assert {row["does"] for row in catching_up["consumers"]} == {"performs missed actions"}


def test_plan_prints_the_shortest_window_of_an_order(stage: Stage, history: None) -> None:
    found = planned(stage, "--last", "2h", "--to", "shipping", "--order", OTHER)
    at = NOW - timedelta(minutes=90)
    assert found["events"]["wanted"] == 1
    assert clock.from_rfc3339(found["narrowest"]["from"]) == at
    assert clock.from_rfc3339(found["narrowest"]["until"]) == at + timedelta(seconds=1)
    again = planned(stage, "--from", found["narrowest"]["from"], "--until", found["narrowest"]["until"], "--to", "shipping")
    assert again["events"]["in_window"] == 1


def test_plan_counts_only_the_chosen_types(stage: Stage, history: None) -> None:
    found = planned(stage, "--last", "2h", "--to", "shipping", "--type", "OrderConfirmed", "--type", "OrderCancelled")
    assert found["by_type"] == {"OrderConfirmed": 2}
    told = {row["event"]: (row["deliveries"], row["wanted"]) for row in found["consumers"]}
    assert told == {"OrderConfirmed": (3, 2), "OrderCancelRequested": (0, 0), "ShipmentCreated": (0, 0)}


def test_estimate_uses_the_rate_or_the_last_replay(stage: Stage, history: None, bus: Bus) -> None:
    window = ("--last", "1h", "--to", "notification")
    assert planned(stage, *window)["estimate"]["seconds"] is None
    assert planned(stage, *window, "--rate", "2/s")["estimate"]["seconds"] == 1.5
    bus.replays.append(ended("monday", NOW - timedelta(hours=1), NOW, seconds=20))
    assert planned(stage, *window)["estimate"]["seconds"] == 20
    assert planned(stage, "--last", "2h", "--to", "notification")["estimate"]["seconds"] == 24


class ManyEvents:
    """S3's client with an hour of the journal in some large objects: each event twice, on the same second."""

    def __init__(self, events: int, objects: int) -> None:
        self.shares = [range(events)[number::objects] for number in range(objects)]
        self.events = events

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"
        return SimpleNamespace(paginate=self.pages)

    def pages(self, **request: Any) -> Iterator[dict[str, Any]]:
        yield {"Contents": [{"Key": f"{request['Prefix']}{number}"} for number in range(len(self.shares))]}

    def get_object(self, **request: Any) -> dict[str, Any]:
        *_, hour, number = request["Key"].split("/")
        lines = (line for event in self.shares[int(number)] for line in self.lines(hour, event))
        return {"Body": Body(lines)}

    def lines(self, hour: str, number: int) -> Iterator[bytes]:
        order = f"ord-{number}"
        time = f"{hour}:{number * 60 // self.events:02}:00Z"
        for put in range(2):
            event = {
                "id": f"{number}-{put}",
                "time": time,
                "source": "orderflow.order",
                "detail-type": "OrderConfirmed",
                "detail": {"metadata": {"event_id": f"ORDER#{order}#4", "order_id": order}, "data": {}},
            }
            yield line_of(event, clock.from_rfc3339(time)).text.encode()


def test_the_plan_holds_no_more_of_a_large_window_than_some_blocks(stage: Stage) -> None:
    """Memory that grows with the window would hold 40,000 puts of 1.5 KB, which is 60 MB."""
    window = Window(NOW.replace(minute=0, second=0) - timedelta(hours=1), NOW.replace(minute=0, second=0))
    many = Stage(fakes={**stage.fakes, "s3": ManyEvents(20_000, objects=12)})
    tracemalloc.start()
    try:
        found = plan.plan(many, window, ["notification"], plan.Wanted(), catch_up=False, a_second=1.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found["events"] == {"in_window": 20_000, "wanted": 20_000, "put_again": 20_000}
    assert found["by_type"] == {"OrderConfirmed": 20_000}
    assert {row["event"]: row["deliveries"] for row in found["consumers"]}["OrderConfirmed"] == 40_000
    assert peak < 16e6


def test_memory_of_the_readers_does_not_grow_with_the_orders() -> None:
    few, many = (JournalOfOrders(orders=orders) for orders in (60, 600))
    peaks = []
    for target in (few, many):
        tracemalloc.start()
        try:
            assert len(order_trace.trace(target, order_id(target.orders // 2)).roots[0].caused) == 11
            plan.plan(target, WINDOW, ["notification"], plan.Wanted(), catch_up=True, a_second=1.0)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2e6


def read_by(stage: Stage) -> tuple[Stage, list[str]]:
    """Return the stage, and the events of the objects that it reads from now on, one of each object."""
    read: list[str] = []
    client = boto3.client("s3")

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name == "GetObject":
            body = gzip.decompress(stage.client("s3").get_object(Bucket="journal", Key=params["Key"])["Body"].read())
            read.append(json.loads(body.splitlines()[0])["detail"]["metadata"]["event_id"])

    client.meta.events.register("provide-client-params.s3", note)
    return Stage(fakes={**stage.fakes, "s3": client}), read


def test_the_trace_reads_only_the_objects_around_its_orders_times(stage: Stage, history: None, put: Put) -> None:
    for ago in (35, 22):  # in the hour of the order, or in the one beside it
        put("order", "OrderConfirmed", f"ORDER#far-{ago}#4", "elsewhere", ago=ago, order=f"far-{ago}")
    noting, read = read_by(stage)
    assert order_trace.trace(noting, ORDER).missing == ()
    assert sorted(set(read)) == sorted(
        [CHANNELS_EVENT, f"ORDER#{ORDER}#1", f"PAY#{ORDER}#1", f"ORDER#{ORDER}#4", f"SHIP#{ORDER}#2"]
    )


def test_the_trace_finds_an_event_whose_object_was_written_late(stage: Stage, placed: None, put: Put) -> None:
    put("order", "OrderPlaced", f"ORDER#{ORDER}#1", CHANNELS_EVENT)
    put("order", "OrderConfirmed", f"ORDER#{ORDER}#4", f"ORDER#{ORDER}#1", ago=28, late=3000)
    put("shipping", "ShipmentDispatched", f"SHIP#{ORDER}#2", f"ORDER#{ORDER}#4", ago=27)
    found = order_trace.trace(stage, ORDER)
    assert found.missing == ()
    assert found.roots[0].caused[0].caused[0].published.detail_type == "ShipmentDispatched"


def test_the_trace_names_the_events_that_the_journal_lacks(stage: Stage, placed: None, put: Put, tracer: typer.Typer) -> None:
    put("order", "OrderPlaced", f"ORDER#{ORDER}#1", CHANNELS_EVENT)
    assert order_trace.trace(stage, ORDER).missing == (f"ORDER#{ORDER}#4", f"SHIP#{ORDER}#2")
    assert "The journal lacks 2 events of the order's timeline" in orderctl(tracer, stage, ORDER).stderr


def test_the_trace_leaves_out_events_that_only_mention_its_order(stage: Stage, history: None, put: Put) -> None:
    put("channel.cdnow", "OrderPlaced", "other", "other", order=None, data={"note": ORDER, "more": CHANNELS_EVENT})
    put("channel.cdnow", "OrderPlaced", "odd", "odd", order=None, data={"note": ORDER}, more={"order_id": [ORDER]})
    (root,) = order_trace.trace(stage, ORDER).roots
    assert root.published.event_id == CHANNELS_EVENT


def test_a_channel_s_event_hides_no_event_of_a_service(stage: Stage, history: None, put: Put) -> None:
    """A channel may state any id and version; the intake sets the event aside, and the journal keeps it."""
    forged = {"event_id": f"ORDER#{ORDER}#4", "event_version": 9}
    put("channel.cdnow", "OrderPlaced", "forged", CHANNELS_EVENT, order=ORDER, more=forged)
    (root,) = order_trace.trace(stage, ORDER).roots
    (placed,) = root.caused
    confirmed = next(node.published for node in placed.caused if node.published.event_id == forged["event_id"])
    assert (confirmed.source, confirmed.detail_type) == ("orderflow.order", "OrderConfirmed")


def test_the_bucket_is_emptied(stage: Stage, history: None) -> None:
    journal.empty(stage, "journal")
    assert "Contents" not in stage.client("s3").list_objects_v2(Bucket="journal")


def of_channel(key: str, sku: str, quantity: int = 1, currency: str = "USD") -> dict[str, Any]:
    """Return a channel's OrderPlaced."""
    lines = [{"sku": sku, "quantity": quantity}]
    return {"idempotency_key": key, "customer_id": "c", "currency": currency, "lines": lines, "payment_token": "pm_card_visa"}


def test_plan_shows_number_and_value_of_new_orders(stage: Stage, put: Put) -> None:
    Catalogue(stage.client("dynamodb"), stage.parameter("order/table-name")).set_prices(
        [{"sku": "MUG", "amount": 1250, "currency": "USD"}, {"sku": "TASSE", "amount": 1100, "currency": "EUR"}]
    )
    Contacts(stage.client("dynamodb"), stage.parameter("order/table-name")).put("c", {"name": "Customer"})
    for key, of in {
        "k1": of_channel("k1", "MUG", 2),
        "k2": of_channel("k2", "TASSE", currency="EUR"),
        "k3": of_channel("k3", "MUG"),
        "k4": of_channel("k4", "NO-SUCH-SKU"),
        "k5": {**of_channel("k5", "MUG"), "customer_id": "unreachable"},
    }.items():
        put("channel.cdnow", "OrderPlaced", f"cdnow-{key}", f"cdnow-{key}", order=None, data=of, puts=2)
    known = identity.order_id(identity.channel_scope("cdnow"), "k3")
    row = {"pk": f"ORDER#{known}", "order_id": known, "status": "CONFIRMED"}
    stage.client("dynamodb").put_item(TableName=stage.parameter("order/table-name"), Item=marshal(row))

    found = planned(stage, "--last", "2h", "--to", "order")["would_create"]

    assert (found["orders"], found["refused"]) == (2, 2)
    assert found["refusals"] == {"unknown-sku": 1, "contact-missing": 1}
    assert found["worth"] == [{"amount": 1100, "currency": "EUR"}, {"amount": 2500, "currency": "USD"}]
    refused = "2 more would be refused (1 contact-missing, 1 unknown-sku)"
    assert found["text"] == f"create 2 orders worth 11.00 EUR and 25.00 USD at today's prices; {refused}"
    assert planned(stage, "--last", "2h", "--to", "shipping")["would_create"] is None


def test_plan_counts_orders_that_are_not_selected_too(stage: Stage, history: None, put: Put) -> None:
    """A replay sends the whole window: it would create these orders, whatever the operator looks for."""
    put("channel.cdnow", "OrderPlaced", "cdnow-k4", "cdnow-k4", order=None, data=of_channel("k4", "NO-SUCH-SKU"))
    whole = planned(stage, "--last", "2h", "--to", "order")["would_create"]
    assert whole["refused"] == 2
    assert planned(stage, "--last", "2h", "--to", "order", "--order", ORDER)["would_create"] == whole


def test_plan_counts_the_mails_and_parcels_that_are_missing(stage: Stage, history: None) -> None:
    """The window calls for a confirmation and a parcel of both orders, and for a mail about the dispatch of one."""
    every = ["--last", "2h", "--to", "notification", "--to", "shipping", "--catch-up"]
    assert planned(stage, *every)["missed"] == {"mails": 3, "parcels": 2}
    for service, pk, status in [
        ("notification", f"NOTE#{ORDER}#confirmed", "SENT"),
        ("notification", f"NOTE#{ORDER}#dispatched", "UNSENT"),
        ("shipping", f"SHIP#{ORDER}", "DISPATCHED"),
    ]:
        table = stage.parameter(f"{service}/table-name")
        stage.client("dynamodb").put_item(TableName=table, Item=marshal({"pk": pk, "status": status}))
    assert planned(stage, *every)["missed"] == {"mails": 2, "parcels": 1}
    assert planned(stage, *every[:2], "--to", "shipping", "--catch-up")["missed"] == {"mails": None, "parcels": 1}
    assert planned(stage, *every[:-1])["missed"] == {"mails": None, "parcels": None}
    said = " ".join(orderctl(replay.app, stage, "plan", *every).output.split())
    assert "It would make up to 2 missing mails and 1 missing parcel." in said


ODD_LINES: list[Any] = [
    None,
    "text",
    [],
    [1],
    [{}],
    [{"sku": "MUG"}],
    [{"sku": ["MUG"], "quantity": "2"}],
    [{"sku": "x" * 3000}],
]
ODD_METADATA: list[dict[str, Any]] = [
    {"event_version": "one"},
    {"event_version": None},
    {"event_version": [1]},
    {"causation_id": ["x"]},
    {"correlation_id": {}},
]


def test_an_odd_event_of_a_channel_spoils_no_plan(stage: Stage, put: Put, history: None) -> None:
    """A channel's role may send anything; the journal keeps it, and the intake sets it aside."""
    for number, odd in enumerate(ODD_LINES):
        data = of_channel(f"odd-{number}", "MUG") | {"lines": odd}
        put("channel.cdnow", "OrderPlaced", f"odd-{number}", "cause", order=None, data=data)
    for number, metadata in enumerate(ODD_METADATA):
        data = of_channel(f"even-{number}", "MUG")
        put("channel.cdnow", "OrderPlaced", f"even-{number}", "cause", order=None, data=data, more=metadata)
    found = planned(stage, "--last", "2h", "--to", "order")["would_create"]
    assert (found["orders"], found["refused"]) == (0, len(ODD_LINES) + len(ODD_METADATA) + 1)


@pytest.mark.parametrize("cause", [f"ORDER#{ORDER}#1", CHANNELS_EVENT, ["x"], None])
def test_a_channel_s_event_may_state_any_cause_and_is_a_root(
    stage: Stage, placed: None, put: Put, tracer: typer.Typer, cause: Any
) -> None:
    put("channel.cdnow", "OrderPlaced", CHANNELS_EVENT, cause, ago=31, order=None)
    put("order", "OrderPlaced", f"ORDER#{ORDER}#1", CHANNELS_EVENT)
    (root,) = orderctl_json(tracer, stage, ORDER)
    assert root["event_id"] == CHANNELS_EVENT
    assert [node["event_id"] for node in root["caused"]] == [f"ORDER#{ORDER}#1"]


def test_a_table_younger_than_the_window_is_named(stage: Stage, history: None) -> None:
    """The tables of this test are made now; the events are half an hour old."""
    plan = planned(stage, "--last", "2h", "--to", "notification", "--to", "payment", "--catch-up")
    assert [(table["service"], table["event_put_at"]) for table in plan["new_tables"]] == [
        ("notification", f"{NOW - timedelta(minutes=90):%Y-%m-%dT%H:%M:%SZ}")
    ], "payment rebuilds what is missing, and charges for nothing"


def test_a_table_younger_than_the_window_is_named_although_the_journal_is_young_too(stage: Stage, bus: Bus) -> None:
    """The journal was destroyed with the service, and deployed again without its events. The archive still has them."""
    window = Window(NOW - timedelta(hours=2), NOW + timedelta(minutes=1))
    services = ["notification", "shipping", "order", "payment"]
    assert catch_up_effects.new_tables(stage, window, services) == [], "all of the stage is new, and nothing was done before"
    bus.archived_from = NOW - timedelta(days=3)
    with pytest.raises(UserError, match="after an event of the window, which the younger journal does not have") as refused:
        catch_up_effects.check_tables(stage, window, services, [])
    assert refused.value.hint.endswith(" ".join(f"--despite-new-table {name}" for name in services[:3]) + ".")
    catch_up_effects.check_tables(stage, window, services, services[:3])
    plan = planned(stage, "--last", "2h", "--to", "notification", "--catch-up")
    assert [(table["service"], table["event_put_at"]) for table in plan["new_tables"]] == [("notification", None)]
    assert (
        "which the younger journal does not have" in orderctl(replay.app, stage, "plan", "--last", "2h", "--to", "order").stdout
    )


def test_catching_up_a_table_younger_than_the_window_is_refused_unless_it_is_named(stage: Stage, history: None) -> None:
    window = Window(NOW - timedelta(hours=2), NOW)
    with pytest.raises(UserError, match="Notification's table was created at ") as refused:
        catch_up_effects.check_tables(stage, window, ["notification", "shipping"], ["shipping"])
    assert refused.value.hint.endswith("If the service is new and has never acted, add --despite-new-table notification.")
    assert "shipping" not in f"{refused.value} {refused.value.hint}".lower()
    catch_up_effects.check_tables(stage, window, ["notification", "shipping"], ["shipping", "notification"])
    catch_up_effects.check_tables(stage, Window(NOW - timedelta(minutes=5), NOW), ["notification"], [])


def test_the_cost_is_events_by_64_kb_and_requests() -> None:
    put = journal.Published({"detail": {}, "id": "1", "source": "s", "detail-type": "t"}, "2026-11-29T00", 64 * 1024 + 1, 1)
    with Distinct() as seen:
        counted = plan.Tally([], plan.Wanted(), seen)
        assert [counted.add(put) for _ in range(3)] == [True, False, False]
    assert plan.cost(counted.chunks, deliveries=10) == pytest.approx((6 * 1.00 + 30 * 0.40 + 10 * 0.20) / 1_000_000)


def ended(name: str, start: datetime, end: datetime, seconds: int = 1, rules: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "ReplayName": name,
        "State": "COMPLETED",
        "EventStartTime": start,
        "EventEndTime": end,
        "ReplayStartTime": NOW,
        "ReplayEndTime": NOW + timedelta(seconds=seconds),
        "Destination": {"FilterArns": [f"arn:rule/{rule}" for rule in rules]},
    }


@pytest.fixture
def tracer() -> typer.Typer:
    app = typer.Typer()
    trace.register(app)
    return app


def test_trace_is_a_tree_of_causes(stage: Stage, history: None, tracer: typer.Typer) -> None:
    def shape(nodes: list[dict[str, Any]]) -> list[Any]:
        return [(node["event"], node["source"].removeprefix("orderflow."), shape(node["caused"])) for node in nodes]

    assert shape(orderctl_json(tracer, stage, ORDER)) == [
        (
            "OrderPlaced",
            "channel.cdnow",
            [
                (
                    "OrderPlaced",
                    "order",
                    [
                        ("PaymentAuthorized", "payment", []),
                        ("OrderConfirmed", "order", [("ShipmentDispatched", "shipping", [])]),
                    ],
                )
            ],
        )
    ]


def test_trace_shows_retries_replays_and_their_duplicates(stage: Stage, history: None, bus: Bus) -> None:
    bus.replays += [
        ended("monday", NOW - timedelta(hours=1), NOW, rules=("notification/notices",)),
        ended("tuesday", NOW - timedelta(hours=1), NOW - timedelta(minutes=29), rules=("shipping/orders",)),
    ]
    [root] = order_trace.trace(stage, ORDER).roots
    confirmed = root.caused[0].caused[1]
    assert confirmed.published.detail_type == "OrderConfirmed"
    assert set(confirmed.reached) == {"shipping/orders", "notification/notices"}
    assert [replay.name for replay in confirmed.replays] == ["monday"]
    assert confirmed.duplicates == 3, "put twice to two consumers, and replayed to one"
    assert "published 2 times" in order_trace.in_words(confirmed)


def test_the_trace_is_not_cut_in_a_pipe(stage: Stage, history: None, bus: Bus, tracer: typer.Typer) -> None:
    name = "monday-" + "x" * 100
    bus.replays.append(ended(name, NOW - timedelta(hours=1), NOW, rules=("notification/notices",)))
    assert name in orderctl(tracer, stage, ORDER).stdout


def test_running_replay_counts_the_events_that_it_has_reached(stage: Stage, history: None, bus: Bus) -> None:
    bus.replays.append(
        ended("now", NOW - timedelta(hours=1), NOW, rules=("notification/notices",))
        | {"State": "RUNNING", "EventLastReplayedTime": NOW - timedelta(minutes=28, seconds=30)}
    )
    [replay_under_way] = order_trace.replays(stage, {})
    assert replay_under_way == Replay(
        "now", clock.rfc3339(NOW - timedelta(hours=1)), replay_under_way.until, {}, replay_under_way.started
    )
    [root] = order_trace.trace(stage, ORDER).roots
    assert root.caused[0].caused[1].replays == ()


def test_the_trace_as_mermaid_draws_every_event_once(stage: Stage, history: None) -> None:
    drawn = order_trace.mermaid(order_trace.trace(stage, ORDER).roots).splitlines()
    assert drawn[0] == "flowchart TD"
    assert sum("[" in line for line in drawn) == 5
    assert sum("-->" in line for line in drawn) == 4


def test_order_without_journaled_events_is_reported(stage: Stage, placed: None) -> None:
    with pytest.raises(UserError, match=f"has no event of {ORDER}"):
        order_trace.trace(stage, ORDER)


def test_trace_of_an_unknown_order_is_refused(stage: Stage) -> None:
    with pytest.raises(UserError, match="There is no order ord-x"):
        order_trace.trace(stage, "ord-x")


def test_the_matrix_has_every_event_of_every_subscription_and_the_saga() -> None:
    told = {(row["consumer"], row["source"], row["event"]) for row in subscriptions.matrix()}
    assert told == {(f"{service}/{name}", source, event) for service, name, source, event in CONSUMED} | {
        ("order/start", "orderflow.order", "OrderPlaced")
    }
    assert {consumer.service for consumer in subscriptions.consumers()} <= set(SERVICES)


def test_the_page_has_the_matrix() -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "replay.md").read_text()
    printed = [line for line in page.splitlines() if line.startswith("| ") and "/" in line.split("|")[1]]
    assert printed == [
        f"| {row['consumer']} | {row['event']} | {row['replay']} | {row['catch_up']} |" for row in subscriptions.matrix()
    ]
