"""Which event reaches whom, by the rules as deployed and the schemas' own examples."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from services.kernel.names import CHANNEL_PREFIX, PACED_REPLAY_PREFIX, SERVICES, source_of
from services.kernel.schemas import read_schemas
from services.order.workflow import start
from tests.infrastructure.patterns import matches
from tests.infrastructure.templates import Assembly, Resource, listed

Event = dict[str, Any]
SUBSCRIPTIONS = {
    ("order", "intake"): {(f"{CHANNEL_PREFIX}*", "OrderPlaced")},
    ("order", "fulfilment"): {("orderflow.shipping", "ShipmentDispatched"), ("orderflow.shipping", "ShipmentDelivered")},
    ("shipping", "orders"): {("orderflow.order", "OrderConfirmed")},
    ("notification", "notices"): {
        ("orderflow.order", "OrderConfirmed"),
        ("orderflow.order", "OrderCancelled"),
        ("orderflow.shipping", "ShipmentDispatched"),
    },
}


def examples() -> dict[tuple[str, str], Event]:
    """One event of each kind as it comes out of the bus, from its schema's example."""
    return {
        (source, detail_type): {
            "source": source.replace("*", "marketplace"),
            "detail-type": detail_type,
            "detail": copy.deepcopy(schema["examples"][0]),
        }
        for (source, detail_type, _), schema in read_schemas().items()
    }


def placed(respond: str, **envelope: str) -> Event:
    event = examples()["orderflow.order", "OrderPlaced"]
    event["detail"]["data"]["respond"] = respond
    return event | envelope


@pytest.fixture
def rule(assembly: Assembly) -> Callable[[str, str], Resource]:
    def find(service: str, name: str) -> Resource:
        part = "Start" if name == "start" else f"{name.capitalize()}Subscription"
        return assembly.one("Events::Rule", service, part)

    return find


@pytest.mark.parametrize(("service", "name"), SUBSCRIPTIONS)
def test_a_subscription_takes_exactly_the_events_it_names(
    rule: Callable[[str, str], Resource], service: str, name: str
) -> None:
    pattern = rule(service, name).properties["EventPattern"]
    taken = {kind for kind, event in examples().items() if matches(pattern, event)}
    assert taken == SUBSCRIPTIONS[service, name]


@pytest.mark.parametrize(("service", "name"), SUBSCRIPTIONS)
def test_a_subscription_takes_replayed_events_too(rule: Callable[[str, str], Resource], service: str, name: str) -> None:
    pattern = rule(service, name).properties["EventPattern"]
    for kind in SUBSCRIPTIONS[service, name]:
        assert matches(pattern, examples()[kind] | {"replay-name": "monday"})


def test_rules_on_the_bus_are_the_subscriptions_the_start_and_the_staging(assembly: Assembly) -> None:
    on_the_bus = [r for r in assembly.resources("Events::Rule") if "EventPattern" in r.properties]
    assert len(on_the_bus) == len(SUBSCRIPTIONS) + 2
    assert all("EventBusName" in rule.properties for rule in on_the_bus)


def test_an_order_nobody_waits_for_starts_the_saga(rule: Callable[[str, str], Resource]) -> None:
    pattern = rule("order", "start").properties["EventPattern"]
    assert matches(pattern, placed("async"))
    assert not matches(pattern, placed("sync"))
    assert not matches(pattern, placed("async", source=f"{CHANNEL_PREFIX}marketplace"))


def test_a_replayed_order_starts_nothing(rule: Callable[[str, str], Resource]) -> None:
    assert not matches(rule("order", "start").properties["EventPattern"], placed("async", **{"replay-name": "monday"}))


def test_the_staging_queue_gets_paced_replays_only(assembly: Assembly) -> None:
    pattern = assembly.one("Events::Rule", "platform", "Staging").properties["EventPattern"]
    for event in examples().values():
        assert matches(pattern, event | {"replay-name": f"{PACED_REPLAY_PREFIX}dev-1"})
        assert not matches(pattern, event | {"replay-name": "monday"})
        assert not matches(pattern, event)


def test_the_saga_is_started_with_the_input_that_the_api_gives_it(rule: Callable[[str, str], Resource]) -> None:
    event = placed("async")
    metadata, data = event["detail"]["metadata"], event["detail"]["data"]
    row = {"order_id": metadata["order_id"], "correlation_id": metadata["correlation_id"], **data}
    by_event, by_api = transformed(rule("order", "start"), event), start.live_input(row)
    by_event["lines"] = [{name: line[name] for name in ("sku", "quantity")} for line in by_event["lines"]]
    assert by_event == by_api | {"causation_id": metadata["event_id"]}


def transformed(rule: Resource, event: Event) -> Any:
    """What the rule's first target is given."""
    transformer = rule.properties["Targets"][0]["InputTransformer"]

    def value(name: re.Match[str]) -> str:
        found: Any = event
        for part in transformer["InputPathsMap"][name[1]].removeprefix("$.").split("."):
            found = found[part]
        return json.dumps(found)

    return json.loads(re.sub(r"<([^>]+)>", value, transformer["InputTemplate"]))


def test_no_target_loses_an_event_silently(assembly: Assembly) -> None:
    for found in assembly.resources("Events::Rule"):
        for target in found.properties["Targets"]:
            if "EventPattern" in found.properties:
                assert "DeadLetterConfig" in target, found
            else:  # a sweep: the next is its retry
                assert target["RetryPolicy"]["MaximumRetryAttempts"] == 0, found


def test_each_service_is_swept_every_minute(assembly: Assembly) -> None:
    schedules = {
        r.service: r.properties["ScheduleExpression"]
        for r in assembly.resources("Events::Rule", service=None)
        if "ScheduleExpression" in r.properties and r.service in SERVICES
    }
    assert schedules == dict.fromkeys(SERVICES, "rate(1 minute)")


@pytest.mark.parametrize("service", SERVICES)
def test_only_relay_and_sweeper_publish_and_only_in_their_services_name(assembly: Assembly, service: str) -> None:
    for function in assembly.resources("Lambda::Function", service=service):
        leaves = [s for s in assembly.statements(function) if "events:PutEvents" in listed(s["Action"])]
        if function.properties["Handler"].split(".")[-2] in ("relay", "sweeper"):
            conditions = [leave["Condition"] for leave in leaves]
            assert conditions == [{"ForAllValues:StringEquals": {"events:source": source_of(service)}}], function
        else:
            assert leaves == [], function


def test_the_bus_refuses_sources_it_does_not_know(assembly: Assembly) -> None:
    (policy,) = assembly.resources("Events::EventBusPolicy")
    statement = policy.properties["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Principal"] in ("*", {"AWS": "*"})
    known = statement["Condition"]["ForAnyValue:StringNotLike"]["events:source"]
    assert known == [*(source_of(service) for service in SERVICES), "orderflow.channel.*"]


def test_the_archive_keeps_every_domain_event_for_a_month(assembly: Assembly) -> None:
    (archive,) = assembly.resources("Events::Archive")
    assert all(matches(archive.properties["EventPattern"], event) for event in examples().values())
    assert archive.properties["RetentionDays"] == 30
    assert "KmsKeyIdentifier" not in archive.properties


def test_a_relay_is_fed_with_rows_that_have_something_pending(assembly: Assembly) -> None:
    streams = [m for m in assembly.resources("Lambda::EventSourceMapping") if "StartingPosition" in m.properties]
    assert {stream.service for stream in streams} == set(SERVICES)
    for stream in streams:
        (only,) = stream.properties["FilterCriteria"]["Filters"]
        pattern = json.loads(only["Pattern"])
        row = {"pk": {"S": "ORDER#1"}, "pending_since": {"S": "2026-11-23T04:05:06.789Z"}}
        assert matches(pattern, {"eventName": "MODIFY", "dynamodb": {"NewImage": row}})
        assert matches(pattern, {"eventName": "INSERT", "dynamodb": {"NewImage": row}})
        assert not matches(pattern, {"eventName": "MODIFY", "dynamodb": {"NewImage": {"pk": {"S": "ORDER#1"}}}})
        assert not matches(pattern, {"eventName": "REMOVE", "dynamodb": {}})
        assert stream.properties["BisectBatchOnFunctionError"] is True
        assert stream.properties["MaximumRetryAttempts"] == 10
        assert "OnFailure" in stream.properties["DestinationConfig"]
