"""The workflow itself, started as an operator or the sweeper starts it: live, resumed, past its deadline, twice at once."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.order.workflow import statements
from tests.system.conftest import MUG, Laptop


@pytest.fixture
def pending(laptop: Laptop) -> dict[str, Any]:
    """Leave an order PENDING, as a crash between the write and the start of the saga does."""
    return _pending(laptop, "pm_card_visa")


def _pending(laptop: Laptop, token: str) -> dict[str, Any]:
    """Written by the API's own handler code against the deployed table, without the start that follows it."""
    from kernel import clock
    from kernel.aggregate_store import Causation
    from kernel.money import Money
    from services.order.domain import identity, order_request
    from services.order.domain.prices import Offer

    request = {
        "customer_id": "alice",
        "currency": "USD",
        "lines": [{"sku": MUG[0], "quantity": 1}],
        "payment_token": token,
    }
    placement = order_request.Placement(identity.customer_scope("alice"), "api", uuid.uuid4().hex, request, "sync")
    lines = order_request.price(request, Offer({MUG[0]: Money(MUG[1], "USD")}, frozenset({"alice"})))
    change = order_request.create(placement, lines, clock.now(), "correlation", "request")
    return orders_of(laptop).write(placement.order_id, None, change, Causation("correlation", "request"))


def orders_of(laptop: Laptop) -> Any:
    """Return the deployed table, as the order service's own code reads and writes it."""
    from services.order.storage.table import Orders

    return Orders(laptop.target.client("dynamodb"), laptop.target.parameter("order/table-name"))


def live_input(laptop: Laptop, row: dict[str, Any]) -> dict[str, Any]:
    """Return a live run's input as the API makes it, with the order's own statements."""
    loaded = laptop.invoke("order/commands-arn", {"command": "load", "order_id": row["order_id"]})
    names = ("order_id", "correlation_id", "causation_id", "payable", "wanted")
    return {"mode": "live", **{name: loaded[name] for name in names}}


def status_of(execution: dict[str, Any]) -> tuple[str, str | None]:
    assert execution["status"] == "SUCCEEDED", execution
    output = json.loads(execution["output"])
    return output["status"], output["reason"]


def test_resume_of_a_finished_order_changes_nothing(laptop: Laptop, pending: dict[str, Any]) -> None:
    laptop.run_saga(live_input(laptop, pending))
    laptop.quiet()
    before = laptop.row("order", pending["pk"])
    for saga_input in (live_input(laptop, pending), statements.resume_input(pending["order_id"])):
        assert status_of(laptop.run_saga(saga_input)) == ("CONFIRMED", None)
    assert laptop.row("order", pending["pk"]) == before


def test_live_run_confirms_the_order(laptop: Laptop, pending: dict[str, Any]) -> None:
    assert status_of(laptop.run_saga(live_input(laptop, pending))) == ("CONFIRMED", None)


def test_resume_reads_the_row_and_finishes(laptop: Laptop, pending: dict[str, Any]) -> None:
    assert status_of(laptop.run_saga(statements.resume_input(pending["order_id"]))) == ("CONFIRMED", None)


def test_a_run_that_claims_to_be_the_last_try_cancels_nothing(laptop: Laptop, pending: dict[str, Any]) -> None:
    """Neither as an older sweeper asked for it, nor with a try that the order's row does not name."""
    forged = {"mode": "abort", "order_id": pending["order_id"], "tried_at": "2026-11-23T04:05:06.789Z"}
    assert status_of(laptop.run_saga(forged)) == ("CONFIRMED", None)


def test_resume_of_a_decided_order_goes_forward(laptop: Laptop, pending: dict[str, Any]) -> None:
    step = {"order_id": pending["order_id"], "correlation_id": pending["correlation_id"], "causation_id": "x"}
    stated = live_input(laptop, pending)
    paid = laptop.invoke("payment/commands-arn", {"command": "authorize", **step, "payable": stated["payable"]})
    held = laptop.invoke("inventory/commands-arn", {"command": "reserve", **step, "wanted": stated["wanted"]})
    evidence = {"payment": paid, "stock": held}
    laptop.invoke("order/commands-arn", {"command": "decide", "decision": "CONFIRM", **evidence, **step})
    assert status_of(laptop.run_saga(statements.resume_input(pending["order_id"]))) == ("CONFIRMED", None)


def test_resume_finishes_a_cancellation(laptop: Laptop, pending: dict[str, Any]) -> None:
    from kernel import clock
    from kernel.aggregate_store import Causation
    from services.order.domain import decisions

    cancel = decisions.decide_to_cancel(pending, "CUSTOMER", clock.now())
    assert cancel
    orders_of(laptop).write(pending["order_id"], pending, cancel, Causation("c", "x"))
    assert status_of(laptop.run_saga(statements.resume_input(pending["order_id"]))) == ("CANCELLED", "CUSTOMER")


def test_five_concurrent_runs_agree(laptop: Laptop, pending: dict[str, Any]) -> None:
    inputs = [live_input(laptop, pending)] * 3 + [statements.resume_input(pending["order_id"])] * 2
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(laptop.run_saga, inputs))
    laptop.run_saga(statements.resume_input(pending["order_id"]))
    order = laptop.settled(pending["order_id"])
    ledger = laptop.ledger(pending["order_id"])
    assert ("capture" in ledger) == (order["status"] == "CONFIRMED")
    assert ("void" in ledger) == (order["status"] == "CANCELLED")


def test_unknown_order_fails_the_run(laptop: Laptop) -> None:
    execution = laptop.run_saga(statements.resume_input("ord-" + "n" * 26))
    assert (execution["status"], execution["error"]) == ("FAILED", "NO_SUCH_ORDER")


def test_order_is_confirmed_after_an_outage_of_inventory(laptop: Laptop, pending: dict[str, Any]) -> None:
    functions = laptop.target.client("lambda")
    name = laptop.target.parameter("inventory/commands-arn")
    configured = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**configured, "TABLE_NAME": "no-such-table"}}
    )
    try:
        execution = laptop.run_saga(live_input(laptop, pending))
        assert (execution["status"], execution["error"]) == ("FAILED", "UNAVAILABLE")
        row = laptop.row("order", pending["pk"])
        assert row is not None
        assert (row["status"], row["unavailable"]) == ("PENDING", "INVENTORY_UNAVAILABLE")
        assert laptop.ledger(pending["order_id"]) == {"authorize": "AUTHORIZED"}
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": configured})
    assert status_of(laptop.run_saga(statements.resume_input(pending["order_id"]))) == ("CONFIRMED", None)


def test_order_is_resumed_after_a_crash_before_the_start(laptop: Laptop) -> None:
    """Crash point 3, in the running system: due now, one sweep."""
    row = _pending(laptop, "pm_card_visa")
    laptop.target.client("dynamodb").update_item(
        TableName=laptop.target.parameter("order/table-name"),
        Key={"pk": {"S": row["pk"]}},
        UpdateExpression="SET next_due = :now",
        ExpressionAttributeValues={":now": {"S": row["created_at"]}},
    )
    assert laptop.invoke("order/sweeper-arn")["recovered"] >= 1
    assert laptop.settled(row["order_id"])["status"] == "CONFIRMED"
