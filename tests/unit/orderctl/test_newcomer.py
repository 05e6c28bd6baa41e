"""The carrier is down: three commands show a newcomer the alarm, its runbook, and the story of an order that waits."""

import io
import json
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from operations.alarms import inventory
from orderctl.commands import alarms, history, orders
from tests.support import runbook
from tests.support.choreography import ALICE, CONFIRMED
from tests.support.tables import create_table
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json
from tests.unit.orderctl.test_history import placed  # noqa: F401 - a fixture
from tests.unit.shipping.conftest import LateCarrier, ShippingService

REPOSITORY = Path(__file__).parents[3]
app = typer.Typer()
history.register(app)
COMMANDS = {"alarms": alarms.app, "orders": orders.app}


@pytest.fixture
def counted(stage: Stage, placed: str, dynamodb: Any) -> dict[str, int]:  # noqa: F811
    """Let shipping consume the order's confirmation and fail at its carrier for ten minutes; return what it counts."""
    create_table(dynamodb, "shipments")
    stage.parameters["shipping/table-name"] = "shipments"
    shipping, carrier = ShippingService(), LateCarrier()
    shipping.contacts.contacts[placed] = ALICE
    shipping.contacts.facts["order"] = CONFIRMED
    shipping.carrier, carrier.away = carrier, True
    printed = io.StringIO()
    with redirect_stdout(printed):
        shipping.confirmed(placed)
        for _ in range(10):
            shipping.sweep(timedelta(minutes=1))
    sums: dict[str, int] = {}
    for line in printed.getvalue().splitlines():
        emitted = json.loads(line)
        for metric in emitted["_aws"]["CloudWatchMetrics"][0]["Metrics"] if "_aws" in emitted else ():
            sums[metric["Name"]] = sums.get(metric["Name"], 0) + int(sum(emitted[metric["Name"]]))
    return sums


@pytest.fixture
def watched(stage: Stage, counted: dict[str, int]) -> None:
    """Do what CloudWatch does: hold the alarms of shipping against what it counts."""
    client = stage.client("cloudwatch")
    for number, alarm in enumerate(inventory.of_tier(inventory.ESSENTIAL)):
        if alarm["service"] == "shipping" and alarm["when"].startswith("over 0 in"):
            name = f"OrderflowDev-Shipping-Alarm{number}"
            client.put_metric_alarm(
                AlarmName=name,
                AlarmDescription=f"{alarm['fault']}: {alarm['runbook']}",
                Namespace="Orderflow",
                MetricName=alarm["metric"],
                Statistic="Sum",
                Period=300,
                EvaluationPeriods=1,
                Threshold=0,
                ComparisonOperator="GreaterThanThreshold",
            )
            state = "ALARM" if counted.get(alarm["metric"]) else "OK"
            client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="the sum of five minutes")


@pytest.mark.usefixtures("watched")
def test_newcomer_finds_alarm_runbook_and_story_in_three_commands(stage: Stage, placed: str) -> None:  # noqa: F811
    rings = orderctl_json(alarms.app, stage, "list")
    assert "the carrier is down, and parcels wait" in [alarm["fault"] for alarm in rings]
    (page,) = {alarm["runbook"] for alarm in rings}

    find, tell = runbook.commands(Path(page).stem)[:2]
    assert find == "orderctl orders list --status CONFIRMED"
    assert tell == "orderctl history ord-..."
    assert "the carrier or the gateway does not" in (REPOSITORY / page).read_text(encoding="utf-8")

    (waits,) = orderctl_json(orders.app, stage, *find.split()[2:])
    assert (waits["order_id"], waits["fulfilment"]) == (placed, "NONE")

    story = orderctl(app, stage, waits["order_id"]).stdout
    for part in ("placed by api", "role/operator", "shipping: BOOKING", "the parcel is not dispatched yet"):
        assert part in story, story
