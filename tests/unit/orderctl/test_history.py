"""`orderctl history`: who placed an order, what happened to it, and who did what to it, and why."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import typer

from operations.aws import service_client
from operations.errors import UserError
from operations.orders.history import Entry, act_of_line, now_waiting, of_row, of_services, services_waiting
from operations.orders.wait_reasons import OF_SERVICES
from orderctl.commands import history, orders, stock
from services.inventory.domain import states as inventory
from services.notification.domain import states as notification
from services.payment.domain import states as payment
from services.shipping.domain import states as shipping
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


EARLIER, LATER = "2026-11-30T10:00:00.000Z", "2026-11-30T10:05:00.000Z"


def order_row(**more: Any) -> Any:
    placed = {"order_id": ORDER, "status": "CONFIRMED", "fulfilment": "NONE", "channel": "api", "created_at": EARLIER}
    return {**placed, "attempts": 0, **more}


@pytest.mark.parametrize(
    ("row", "by"),
    [
        (order_row(caller="role/shop-backend"), "role/shop-backend"),
        (order_row(), "channel api"),
        (order_row(channel="shop"), "channel shop"),
    ],
)
def test_trail_begins_with_the_caller_or_the_channel(row: Any, by: str) -> None:
    assert next(of_row(row)) == Entry(EARLIER, f"placed by {row['channel']}", by)


def test_trail_has_each_event_and_the_reason_of_a_cancellation() -> None:
    events = ("OrderPlaced", "OrderConfirmed", "OrderCancelRequested", "OrderCancelled")
    row = order_row(reason="CUSTOMER", timeline=[{"event": event, "at": LATER} for event in events])
    _, *past = of_row(row)
    assert [(entry.what, entry.why) for entry in past] == list(zip(events, ("", "", "CUSTOMER", "CUSTOMER"), strict=True))


def test_trail_has_the_latest_step_of_each_service() -> None:
    mails = [{"status": "SENT", "kind": "confirmed"}, {"status": "FAILED", "kind": "dispatched", "reason": "NO_CONTACT"}]
    related = {"payment": [{"status": "CAPTURED"}], "inventory": [], "notification": mails}
    found = of_services({service: [{"updated_at": LATER, **row} for row in rows] for service, rows in related.items()})
    assert [(entry.what, entry.by, entry.why) for entry in found] == [
        ("payment: CAPTURED", "payment", ""),
        ("confirmed mail: SENT", "notification", ""),
        ("dispatched mail: FAILED", "notification", "NO_CONTACT"),
    ]


def test_back_order_waits_for_stock_until_the_bank_releases_the_money() -> None:
    row = order_row(status="BACKORDERED", next_due=EARLIER, held_until=LATER)
    waits, ends = now_waiting(row)
    assert (waits.at, waits.why) == (EARLIER, "stock is short; the order goes on when goods arrive")
    assert (ends.at, ends.what) == (LATER, "ends")


@pytest.mark.parametrize("row", [order_row(status="CANCELLED"), order_row(fulfilment="DELIVERED")])
def test_order_with_an_end_waits_for_nothing(row: Any) -> None:
    assert list(now_waiting(row)) == []


def test_paused_carrier_is_why_a_parcel_waits() -> None:
    related = {"shipping": [{"status": "CREATED", "next_due": EARLIER}]}
    assert list(services_waiting(related, LATER)) == [
        Entry(EARLIER, "waits", "shipping", "the parcel is not booked yet"),
        Entry(LATER, "waits", "shipping", "the carrier does not answer, so calls to it are paused"),
    ]
    assert list(services_waiting({"shipping": [{"status": "DELIVERED"}]}, LATER)) == []


def test_time_of_a_claim_is_no_next_try() -> None:
    claimed = {"notification": [{"status": "CLAIMED", "claim": "c", "next_due": EARLIER}]}
    assert list(services_waiting(claimed, None)) == [Entry("", "waits", "notification", "the answer of SES is missing")]


def test_each_status_from_which_a_service_goes_on_by_itself_has_a_reason() -> None:
    """Held stock and authorised money wait for the order, which has a reason of its own."""
    tables = {"payment": payment, "inventory": inventory, "shipping": shipping, "notification": notification}
    for service, states in tables.items():
        unended = states.TRANSITIONS.statuses - states.TRANSITIONS.terminal
        assert unended - {"AUTHORIZED", "CAPTURE_REFUSED", "HELD"} == OF_SERVICES[service].keys() - {"REFUND_REFUSED"}
