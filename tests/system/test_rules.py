"""`orderctl rules` and a tail's pattern against the rules as deployed: the engine is of the same opinion, event by event."""

import json
from pathlib import Path
from typing import Any

from kernel import schemas
from operations.events import bus_rules, live_tail
from tests.support.consumers import SUBSCRIPTIONS
from tests.support.orderctl_run import orderctl
from tests.system.conftest import Laptop

SAMPLES = [
    {"source": source.replace("*", "shop"), "detail-type": detail_type, "detail": example}
    for (source, detail_type, _), schema in schemas.read_schemas().items()
    for example in schema["examples"]
]
EXAMPLE = Path(__file__).parents[2] / "data" / "order-placed.json"


def test_rules_are_those_of_the_consumers_and_the_saga(laptop: Laptop) -> None:
    rows = json.loads(orderctl(laptop.target, "rules", "list", "-o", "json"))
    assert {row["rule"] for row in rows if row["enabled"]} >= {*map("/".join, SUBSCRIPTIONS), "order/start"}


def test_engine_matches_every_event_and_rule_alike(laptop: Laptop) -> None:
    events = [bus_rules.as_delivered(laptop.target, sample) for sample in SAMPLES]
    client = laptop.target.client("events")
    for rule in bus_rules.rules(laptop.target):
        for event in events:
            theirs = client.test_event_pattern(EventPattern=rule.pattern, Event=json.dumps(event))["Result"]
            assert bus_rules.verdict(rule, event)["matches"] == theirs, (rule.name, event["detail-type"])


def test_rules_test_names_the_receivers_of_an_event(laptop: Laptop) -> None:
    as_a_channel = ("--source", "orderflow.channel.shop", "--type", "OrderPlaced")
    answer = orderctl(laptop.target, "rules", "test", str(EXAMPLE), *as_a_channel, "-o", "json")
    verdicts: dict[str, dict[str, Any]] = {row["rule"]: row for row in json.loads(answer)}
    assert verdicts["order/intake"]["matches"]
    assert verdicts["order/start"]["mismatches"][0]["field"] == "source"
    assert "order/start does not match this event" in orderctl(
        laptop.target, "rules", "test", str(EXAMPLE), *as_a_channel, "--rule", "order/start", fails=True
    )


def test_tail_gets_only_events_that_match_its_pattern(laptop: Laptop) -> None:
    pattern = {"detail-type": ["OrderConfirmed"], "detail": {"data": {"lines": {"quantity": [{"numeric": [">", 2]}]}}}}
    with live_tail.watched(laptop.target, {**live_tail.EVERYTHING, **pattern}) as url:
        placed = {quantity: laptop.place(("MUG-BLUE", quantity)).json()["order_id"] for quantity in (1, 3)}
        seen = {event["detail"]["metadata"]["order_id"] for event in live_tail.received(laptop.target, url, 10)}
    assert seen & set(placed.values()) == {placed[3]}
