"""Which event reaches whom, by the rules as deployed and the schemas' own examples."""

import copy
import json
import re
from typing import Any

import pytest

from cdk.constructs.bus import published_by
from kernel.naming import CHANNEL_PREFIX, PACED_REPLAY_PREFIX, SERVICES
from kernel.schemas import read_schemas
from operations.event_pattern import Pattern
from services.order.workflow import statements
from tests.infrastructure.templates import Assembly, Resource, listed

Event = dict[str, Any]


def matches(pattern: dict[str, Any], event: Event) -> bool:
    return Pattern(pattern).matches(event)


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
def start_rule(assembly: Assembly) -> Resource:
    return assembly.one("Events::Rule", "order", "Start")


def test_order_without_a_waiting_caller_starts_the_saga(start_rule: Resource) -> None:
    pattern = start_rule.properties["EventPattern"]
    assert matches(pattern, placed("async"))
    assert not matches(pattern, placed("sync"))
    assert not matches(pattern, placed("async", source=f"{CHANNEL_PREFIX}marketplace"))


def test_a_replayed_order_starts_nothing(start_rule: Resource) -> None:
    assert not matches(start_rule.properties["EventPattern"], placed("async", **{"replay-name": "monday"}))


def test_the_staging_queue_gets_paced_replays_and_nothing_else(assembly: Assembly) -> None:
    pattern = assembly.one("Events::Rule", "platform", "Staging").properties["EventPattern"]
    for event in examples().values():
        assert matches(pattern, event | {"replay-name": f"{PACED_REPLAY_PREFIX}dev-1"})
        assert not matches(pattern, event | {"replay-name": "monday"})
        assert not matches(pattern, event)


def test_the_saga_is_started_with_the_order_id_and_loads_the_rest(start_rule: Resource) -> None:
    event = placed("async")
    assert transformed(start_rule, event) == statements.resume_input(event["detail"]["metadata"]["order_id"])


def transformed(rule: Resource, event: Event) -> Any:
    """Return the input of the rule's first target."""
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
def test_only_relay_and_sweeper_publish(assembly: Assembly, service: str) -> None:
    for function in assembly.resources("Lambda::Function", service=service):
        leaves = [s for s in assembly.statements(function) if "events:PutEvents" in listed(s["Action"])]
        may_publish = published_by(service) and function.properties["Handler"].split(".")[-2] in ("relay", "sweeper")
        expected = 1 if may_publish else 0
        assert len(leaves) == expected, function


def test_the_archive_keeps_every_domain_event_for_a_month(assembly: Assembly) -> None:
    (archive,) = assembly.resources("Events::Archive")
    assert all(matches(archive.properties["EventPattern"], event) for event in examples().values())
    assert archive.properties["RetentionDays"] == 30
    assert "KmsKeyIdentifier" not in archive.properties


def test_relay_gets_only_rows_with_pending_events(assembly: Assembly) -> None:
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


def test_bus_logs_errors_without_detail_and_a_lasting_stage_keeps_them(assembly: Assembly, lasting: Assembly) -> None:
    for stage in (assembly, lasting):
        [bus] = stage.resources("Events::EventBus")
        assert bus.properties["LogConfig"] == {"IncludeDetail": "NONE", "Level": "ERROR"}
    [source] = lasting.resources("Logs::DeliverySource")
    assert source.properties["LogType"] == "ERROR_LOGS"
    assert assembly.resources("Logs::Delivery") == []
