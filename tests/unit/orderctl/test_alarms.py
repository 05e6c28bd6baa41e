"""`orderctl alarms`: those that ring, and a test of one."""

from typing import Any

import pytest

from operations.errors import UserError
from orderctl.commands.alarms import app
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

TOPIC = "arn:aws:sns:us-east-1:123456789012:pager"
INCIDENT = "OrderflowDev-Order-CompensationFailedIncident-0"
STUCK, BEHIND = "OrderflowDev-Order-OrderStuckAlarm-1", "OrderflowDev-Shipping-RelayBehindAlarm-2"


def make(stage: Stage, name: str, fault: str, state: str = "OK", *, notifies: bool = True) -> None:
    client = stage.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName=name,
        AlarmDescription=f"{fault}: docs/how-to/runbooks/compensation-failed.md",
        Namespace="Orderflow",
        MetricName="OrderStuck",
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[TOPIC] if notifies else [],
    )
    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def test_alarms_that_ring_are_listed_with_their_runbooks(stage: Stage) -> None:
    make(stage, BEHIND, "shipping's events wait")
    make(stage, STUCK, "an order is stuck", "ALARM")
    make(stage, "OrderflowProd-Order-OrderStuckAlarm-3", "another stage's", "ALARM")

    (rings,) = orderctl_json(app, stage, "list")
    assert (rings["state"], rings["fault"], rings["runbook"]) == (
        "ALARM",
        "an order is stuck",
        "docs/how-to/runbooks/compensation-failed.md",
    )
    assert [alarm["name"] for alarm in orderctl_json(app, stage, "list", "--all")] == [STUCK, BEHIND]


def test_no_alarm_rings(stage: Stage) -> None:
    make(stage, STUCK, "an order is stuck")
    assert "No alarm rings." in orderctl(app, stage, "list").stdout


def test_one_quiet_alarm_rings_as_a_test(stage: Stage) -> None:
    make(stage, STUCK, "an order is stuck", notifies=False)
    make(stage, BEHIND, "shipping's events wait")

    (sent,) = orderctl_json(app, stage, "test")

    assert sent["name"] == BEHIND
    assert [(alarm["name"], alarm["state"]) for alarm in orderctl_json(app, stage, "list")] == [(BEHIND, "ALARM")]


class WithAnIncident:
    """CloudWatch with a composite alarm, which moto does not have."""

    def __init__(self, cloudwatch: Any, name: str, rule: str) -> None:
        self.cloudwatch = cloudwatch
        self.incident = {"AlarmName": name, "StateValue": "OK", "AlarmRule": rule, "AlarmActions": [TOPIC]}
        self.set_alarm_state = cloudwatch.set_alarm_state

    def get_paginator(self, _: str) -> "WithAnIncident":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        return [*self.cloudwatch.get_paginator("describe_alarms").paginate(**asked), {"CompositeAlarms": [self.incident]}]


def incident(stage: Stage, name: str, rule: str) -> None:
    stage.fakes["cloudwatch"] = WithAnIncident(stage.client("cloudwatch"), name, rule)


def test_incident_rings_by_one_of_its_alarms(stage: Stage) -> None:
    """CloudWatch would not set the state of a composite alarm back, and its next incident would send no notification."""
    make(stage, STUCK, "an order is stuck", notifies=False)
    incident(stage, INCIDENT, f'ALARM("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{STUCK}") OR ALARM("other")')

    (sent,) = orderctl_json(app, stage, "test")

    assert sent["name"] == INCIDENT
    (rings,) = orderctl_json(app, stage, "list")
    assert rings["name"] == STUCK


def test_metric_alarm_is_tested_before_an_incident(stage: Stage) -> None:
    make(stage, BEHIND, "shipping's events wait")
    incident(stage, INCIDENT, f'ALARM("{BEHIND}")')
    (sent,) = orderctl_json(app, stage, "test")
    assert sent["name"] == BEHIND


def test_incident_of_two_alarms_at_once_cannot_be_tested(stage: Stage) -> None:
    make(stage, STUCK, "an order is stuck", notifies=False)
    make(stage, BEHIND, "shipping's events wait", notifies=False)
    incident(stage, INCIDENT, f'(ALARM("{STUCK}") AND ALARM("{BEHIND}"))')
    with pytest.raises(UserError, match="No alarm of stage dev can be tested"):
        orderctl(app, stage, "test")


def test_alarm_that_rings_cannot_be_tested(stage: Stage) -> None:
    make(stage, STUCK, "an order is stuck", "ALARM")
    with pytest.raises(UserError, match=f"No alarm of stage dev can be tested as {STUCK}"):
        orderctl(app, stage, "test", STUCK)


def test_stage_without_alarms_is_not_deployed(stage: Stage) -> None:
    with pytest.raises(UserError, match=r"Stage dev has no alarms\."):
        orderctl(app, stage, "test")
