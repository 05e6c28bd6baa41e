"""`orderctl rules`: the rules as they are deployed, which of them take an event, and why the others do not."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from kernel.schemas import read_schemas
from operations.aws.target import Kind, Target
from operations.errors import EXIT_CHECK_FAILED, CheckFailedError, UserError
from orderctl.commands.rules import app
from tests.unit.orderctl.conftest import orderctl, orderctl_json

EXAMPLE = Path(__file__).parents[3] / "data" / "order-placed.json"
BUS = "orderflow"
PATTERNS: dict[str, dict[str, Any]] = {
    "order/intake": {"source": [{"prefix": "orderflow.channel."}], "detail-type": ["OrderPlaced"]},
    "order/start": {
        "detail": {"data": {"respond": ["async"]}},
        "detail-type": ["OrderPlaced"],
        "replay-name": [{"exists": False}],
        "source": ["orderflow.order"],
    },
    "shipping/orders": {"source": ["orderflow.order"], "detail-type": ["OrderConfirmed"]},
}
FOREIGN = "somebody-elses"
"""A rule on the bus that no stack publishes."""


@pytest.fixture
def deployed(aws: None) -> Target:
    """Return a stage with three rules, and a foreign one."""
    events, ssm = boto3.client("events"), boto3.client("ssm")
    parameters = {"platform/bus-name": BUS, "platform/bus-arn": events.create_event_bus(Name=BUS)["EventBusArn"]}
    for name, pattern in PATTERNS.items():
        arn = events.put_rule(Name=f"Stack-{name.replace('/', '-')}", EventBusName=BUS, EventPattern=json.dumps(pattern))
        parameters[f"{name}-rule-arn"] = arn["RuleArn"]
    events.put_rule(Name=FOREIGN, EventBusName=BUS, EventPattern=json.dumps({"source": [{"prefix": "aws."}]}))
    for name, value in parameters.items():
        ssm.put_parameter(Name=f"/orderflow/dev/{name}", Value=value, Type="String")
    return Target(Kind.AWS, region="eu-west-1")


def event(source: str, detail_type: str, **envelope: Any) -> dict[str, Any]:
    """Return an event as the bus delivers it, from its schema's example."""
    detail = read_schemas()[source, detail_type, 1]["examples"][0]
    return {"source": source, "detail-type": detail_type, "detail": detail, **envelope}


def verdicts(target: Target, given: Any, *arguments: str) -> dict[str, Any]:
    """Return the verdict of `rules test` on the event, by rule."""
    answer = orderctl(app, target, "test", "-", *arguments, "-o", "json", stdin=json.dumps(given))
    return {row["rule"]: row for row in json.loads(answer.stdout)}


def test_rules_are_listed_by_their_published_names(deployed: Target) -> None:
    rows = orderctl_json(app, deployed, "list")
    assert {row["rule"]: row["pattern"] for row in rows} == PATTERNS | {FOREIGN: {"source": [{"prefix": "aws."}]}}
    assert "shipping/orders" in orderctl(app, deployed, "list").stdout


def test_rules_test_prints_matching_rules_and_the_first_difference_of_the_others(deployed: Target) -> None:
    said = verdicts(deployed, event("orderflow.order", "OrderConfirmed"))
    assert [name for name, row in said.items() if row["matches"]] == ["shipping/orders"]
    assert said["order/start"]["mismatches"] == [
        {"field": "detail-type", "expected": '"OrderPlaced"', "found": '"OrderConfirmed"'}
    ]
    assert said["order/intake"]["mismatches"][0]["field"] == "source"
    table = orderctl(app, deployed, "test", "-", stdin=json.dumps(event("orderflow.order", "OrderConfirmed"))).stdout
    assert 'detail-type: expected "OrderPlaced", found "OrderConfirmed"' in table


def test_order_with_a_waiting_caller_or_replayed_does_not_start_the_saga(deployed: Target) -> None:
    placed = event("orderflow.order", "OrderPlaced")
    with pytest.raises(CheckFailedError, match=r"order/start does not match this event\.") as caught:
        verdicts(deployed, placed, "--rule", "order/start")
    assert caught.value.exit_code == EXIT_CHECK_FAILED
    placed["detail"]["data"]["respond"] = "async"
    assert verdicts(deployed, placed, "--rule", "order/start").keys() == {"order/start"}
    with pytest.raises(CheckFailedError, match="No enabled rule matches this event"):
        verdicts(deployed, placed | {"replay-name": "monday"})


def test_rules_test_accepts_an_entry_of_put_events_or_a_detail(deployed: Target) -> None:
    confirmed = event("orderflow.order", "OrderConfirmed")
    entry = {"Source": "orderflow.order", "DetailType": "OrderConfirmed", "Detail": json.dumps(confirmed["detail"])}
    assert verdicts(deployed, entry) == verdicts(deployed, confirmed)
    answer = orderctl(app, deployed, "test", str(EXAMPLE), "--source", "orderflow.channel.shop", "--type", "OrderPlaced")
    assert answer.exit_code == 0
    assert "order/intake" in answer.stdout


def test_rules_test_warns_of_an_event_that_a_consumer_would_quarantine(deployed: Target) -> None:
    wrong = event("orderflow.order", "OrderConfirmed")
    del wrong["detail"]["data"]["lines"]
    answer = orderctl(app, deployed, "test", "-", stdin=json.dumps(wrong))
    assert answer.exit_code == 0
    assert "A consumer would quarantine it: OrderConfirmed from orderflow.order: data" in answer.stderr


def test_disabled_rule_matches_nothing(deployed: Target) -> None:
    boto3.client("events").disable_rule(Name="Stack-shipping-orders", EventBusName=BUS)
    with pytest.raises(CheckFailedError, match="No enabled rule"):
        verdicts(deployed, event("orderflow.order", "OrderConfirmed"))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("[]", "The document is not an event"),
        ("{", "Standard input is not JSON"),
        ('{"source": "a"}', "has no detail-type and no detail"),
        ('{"metadata": {}, "data": {}}', "has no source and no detail-type"),
        ('{"source": "a", "detail-type": "b", "detail": "{"}', "detail is not JSON"),
    ],
)
def test_document_that_is_no_event_is_refused(deployed: Target, given: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        orderctl(app, deployed, "test", "-", stdin=given)


def test_unknown_rule_is_refused_with_the_known_ones(deployed: Target) -> None:
    with pytest.raises(UserError, match="no rule 'order/intakes'") as caught:
        verdicts(deployed, event("orderflow.order", "OrderConfirmed"), "--rule", "order/intakes")
    assert "order/intake, order/start, shipping/orders" in caught.value.hint
