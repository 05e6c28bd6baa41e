"""`orderctl history`: who placed an order, what happened to it, and who did what to it, and why."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from operations.aws import service_client
from operations.errors import UserError
from operations.orders.history import act_of_line
from orderctl.commands import history, orders, stock
from tests.unit.orderctl.conftest import Stage, orderctl, orderctl_json

ORDER = "ord-" + "a" * 26
GROUPS = ("OrderflowDev-Payment-OperatorLog1-x", "OrderflowDev-Payment-RelayLog1-x", "OrderflowProd-Payment-OperatorLog1-x")
app = typer.Typer()
history.register(app)


@pytest.fixture
def placed(stage: Stage) -> str:
    """Place an order by the API. Every table of the stage is the one of orders."""
    stage.parameters.update({f"{name}/table-name": "stage" for name in ("payment", "inventory", "shipping", "notification")})
    service_client.set_prices(stage, [{"sku": "MUG", "amount": 1250, "currency": "USD"}])
    orderctl_json(stock.app, stage, "replenish", "MUG=5")
    address = {"line1": "1 Main St", "postal_code": "12345", "city": "Springfield", "country": "US"}
    service_client.put_contact(stage, {"customer_id": "alice", "name": "A", "email": "a@example.com", "address": address})
    order: dict[str, Any] = orderctl_json(orders.app, stage, "place", "--line", "MUG=1", "--key", "k")
    return str(order["order_id"])


def logged(stage: Stage, group: str, **line: Any) -> None:
    """Write a line into a log group, as Lambda does."""
    client = stage.client("logs")
    if not client.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName="s")
    now = datetime.now(UTC)
    text = json.dumps({"timestamp": now.isoformat(), **line})
    events = [{"timestamp": int(now.timestamp() * 1000), "message": text}]
    client.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def test_history_says_who_placed_the_order_and_how_far_it_is(stage: Stage, placed: str) -> None:
    found = orderctl_json(app, stage, placed)
    assert (found[0]["what"], found[0]["by"]) == ("placed by api", "role/operator")
    assert {"what": "inventory: HELD", "by": "inventory"}.items() <= next(e for e in found if e["by"] == "inventory").items()
    assert (found[-1]["what"], found[-1]["why"]) == ("waits", "the parcel is not dispatched yet")


def test_history_has_the_acts_of_this_order_and_stage_only(stage: Stage, placed: str) -> None:
    act = {"command": "retry_refund", "outcome": "REFUNDED", "actor": "role/operator/alice", "reason": "the bank called"}
    logged(stage, GROUPS[0], order_id=placed, message="command answered", **act)
    logged(stage, GROUPS[0], order_id=ORDER, message="command answered", **act)
    logged(stage, GROUPS[0], order_id=placed, message="command answered", command="status")
    for group in GROUPS[1:]:
        logged(stage, group, order_id=placed, message="command answered", **act)
    found = [entry for entry in orderctl_json(app, stage, placed) if entry["by"] == "role/operator/alice"]
    assert [(entry["what"], entry["why"]) for entry in found] == [("retry_refund REFUNDED", "the bank called")]


@pytest.mark.parametrize("line", ["no JSON", "[]", '{"order_id": 1}', f'{{"order_id": "{ORDER}"}}'])
def test_line_without_an_act_is_left_out(line: str) -> None:
    assert act_of_line(line, ORDER) is None


@pytest.mark.parametrize("reason", ["x" * 101, "for alice@example.com", "card 4111 1111 1111 1111", "a\nb"])
def test_reason_that_must_not_be_logged_is_refused(stage: Stage, reason: str) -> None:
    with pytest.raises(UserError, match="The reason cannot be logged"):
        orderctl(stock.app, stage, "split", "MUG", "--shards", "2", "--reason", reason)
