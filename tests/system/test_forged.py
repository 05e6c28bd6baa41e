"""Forged saga inputs and forged commands, as a principal sends them that may start executions and invoke commands.

Nothing moves: no row is written, the gateway is not called, and the honest order that follows is served as if nothing had been.
"""

import json
import uuid
from typing import Any

import pytest

from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES
from kernel.receipts import sign
from services.order.domain import identity
from tests.support.polling import eventually
from tests.system.conftest import MUG, Laptop
from tests.system.test_saga import pending  # noqa: F401 - a fixture

UNKNOWN = "ord-" + "u" * 26
CAUSE = {"correlation_id": "forged", "causation_id": "forged"}
TOTAL = {"amount": MUG[1], "currency": "USD"}
ENDS = ("REFUSED", "UNRESOLVED")
"""How a forged run ends: UNRESOLVED if the refusal itself came too late for the step, on a slow machine."""
ONE_CENT = {"amount": 1, "currency": "USD"}


def books(laptop: Laptop, order_id: str) -> list[Any]:
    """All rows of an order, what the gateway did for it, and the stock, without the marker that a sweep takes off."""
    rows = [laptop.row(*place) for place in (("order", f"ORDER#{order_id}"), ("payment", f"PAY#{order_id}"))]
    reserved, stock = (laptop.row("inventory", key) for key in (f"RES#{order_id}", f"SKU#{MUG[0]}"))
    unmarked = {name: value for name, value in (stock or {}).items() if name not in DUE_INDEX_ATTRIBUTES}
    return [*rows, reserved, unmarked, laptop.ledger(order_id)]


def live(order_id: str, total: Any = TOTAL, token: str = "pm_card_visa", quantity: int = 1) -> dict[str, Any]:
    """Return a live run's input with made-up facts, signed by a guessed key."""
    payable = {"total": total, "payment_token": token}
    wanted = {"lines": [{"sku": MUG[0], "quantity": quantity}], "if_short": "REJECT"}
    stated = {
        "payable": {**payable, "receipt": sign("guessed", "order/payable", order_id, payable)},  # type: ignore[arg-type]
        "wanted": {**wanted, "receipt": sign("guessed", "order/wanted", order_id, wanted)},  # type: ignore[arg-type]
    }
    as_it_was = {"total": total, "payment_token": token, **wanted}  # an input from before there were receipts
    return {"mode": "live", "order_id": order_id, **CAUSE, **as_it_was, **stated}


def refused(laptop: Laptop, service: str, command: dict[str, Any]) -> str:
    """Invoke a command as boto3 does; the error that it ends with."""
    answer = laptop.target.client("lambda").invoke(
        FunctionName=laptop.target.parameter(f"{service}/commands-arn"), Payload=json.dumps({**CAUSE, **command}).encode()
    )
    payload = answer["Payload"].read()
    assert "FunctionError" in answer, payload
    return str(json.loads(payload)["errorType"])


def test_forged_live_run_of_an_unknown_order_moves_nothing(laptop: Laptop) -> None:
    before = books(laptop, UNKNOWN)
    execution = laptop.run_saga(live(UNKNOWN))
    assert (execution["status"], execution["error"] in ENDS) == ("FAILED", True)
    assert books(laptop, UNKNOWN) == before
    assert before[:3] == [None, None, None]


@pytest.mark.parametrize(
    "forged",
    [{"total": ONE_CENT}, {"token": "pm_card_declined"}, {"quantity": 5}],
    ids=["another total", "another token", "other lines"],
)
def test_forged_live_run_does_not_block_the_honest_request(laptop: Laptop, forged: dict[str, Any]) -> None:
    key = uuid.uuid4().hex
    order_id = identity.order_id(identity.customer_scope("alice"), key)
    before = books(laptop, order_id)
    assert laptop.run_saga(live(order_id, **forged))["error"] in ENDS
    assert books(laptop, order_id) == before
    honest = laptop.place(key=key)
    assert (honest.status, honest.json()["total"]) == (201, TOTAL)
    assert laptop.row("payment", f"PAY#{order_id}")["payment_token"] == "pm_card_visa"  # type: ignore[index]


def test_forged_commands_move_nothing(laptop: Laptop, pending: dict[str, Any]) -> None:  # noqa: F811 - the fixture
    order_id = pending["order_id"]
    of_order = {"order_id": order_id}
    far_more = {"outcome": "HELD", "lines": [{"sku": MUG[0], "quantity": 9999}]}
    decided = {outcome: {"outcome": outcome, "reason": None, "total": TOTAL} for outcome in ("CONFIRMING", "CANCELLING")}
    captured, committed = {"outcome": "CAPTURED"}, {"outcome": "COMMITTED"}
    voided, released = {"outcome": "VOIDED"}, {"outcome": "RELEASED"}
    payable = {"total": ONE_CENT, "payment_token": "pm_card_visa"}
    eventually(lambda: "pending" not in (laptop.row("order", pending["pk"]) or {}), 30, "its OrderPlaced is published")
    before = books(laptop, order_id)
    for service, command in [
        ("payment", {"command": "authorize", "payable": payable, **payable}),
        ("payment", {"command": "capture", "decision": decided["CONFIRMING"]}),
        ("payment", {"command": "void", "decision": decided["CANCELLING"]}),
        ("inventory", {"command": "reserve", "wanted": {"lines": far_more["lines"], "if_short": "REJECT"}}),
        ("inventory", {"command": "commit", "decision": decided["CONFIRMING"]}),
        ("inventory", {"command": "release", "decision": decided["CANCELLING"]}),
        ("order", {"command": "decide", "decision": "CONFIRM", "payment": {"outcome": "AUTHORIZED"}, "stock": far_more}),
        ("order", {"command": "decide", "decision": "CANCEL", "evidence": {"outcome": "DECLINED"}, "reason": "CUSTOMER"}),
        ("order", {"command": "wait", "payment": {"outcome": "AUTHORIZED"}, "stock": {**far_more, "outcome": "WAITING"}}),
        ("order", {"command": "unavailable", "reason": "PAYMENT_UNAVAILABLE", "payable": payable, "tried_at": ""}),
        ("order", {"command": "refuse", "payment": {"outcome": "CAPTURE_REFUSED"}}),
        ("order", {"command": "confirm", "payment": captured, "stock": committed}),
        ("order", {"command": "confirm", "payment": "CAPTURED", "stock": "COMMITTED"}),
        ("order", {"command": "cancel", "payment": voided, "stock": released}),
    ]:
        assert refused(laptop, service, {**command, **of_order}) == "ReceiptRefusedError", command
    assert books(laptop, order_id) == before


def test_forged_order_ids_are_refused_before_the_gateway(laptop: Laptop) -> None:
    payable = {"total": {"amount": 10**15, "currency": "USD"}, "payment_token": "pm_card_visa"}
    command = {"command": "authorize", "order_id": "anything at all", "payable": payable, **payable}
    assert refused(laptop, "payment", command) == "InvalidCommandError"
    assert laptop.row("payment", "PAY#anything at all") is None
    assert laptop.ledger("anything at all") == {}


def test_receipt_is_accepted_for_its_own_order_only(laptop: Laptop, pending: dict[str, Any]) -> None:  # noqa: F811
    loaded = laptop.invoke("order/commands-arn", {"command": "load", "order_id": pending["order_id"]})
    for field, service, command in (("payable", "payment", "authorize"), ("wanted", "inventory", "reserve")):
        forged = {"command": command, "order_id": UNKNOWN, field: loaded[field]}
        assert refused(laptop, service, forged) == "ReceiptRefusedError"
    assert laptop.row("payment", f"PAY#{UNKNOWN}") is None
