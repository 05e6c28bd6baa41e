"""`orderctl alarms`: those that ring, and a test of one."""

import pytest

from operations.errors import UserError
from orderctl.commands.alarms import app
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

TOPIC = "arn:aws:sns:us-east-1:123456789012:pager"
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


def test_alarm_that_rings_cannot_be_tested(stage: Stage) -> None:
    make(stage, STUCK, "an order is stuck", "ALARM")
    with pytest.raises(UserError, match=f"No alarm of stage dev can be tested as {STUCK}"):
        orderctl(app, stage, "test", STUCK)


def test_stage_without_alarms_is_not_deployed(stage: Stage) -> None:
    with pytest.raises(UserError, match=r"Stage dev has no alarms\."):
        orderctl(app, stage, "test")
