"""Forged evidence: no order is decided, finished or noted without the statement of the service that could make it."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from kernel.commands import InvalidCommandError
from kernel.receipts import Kind, ReceiptRefusedError
from services.order.domain.decisions import EvidenceMissingError
from services.order.functions import commands
from services.order.workflow.statements import Statements
from tests.support.forged_receipts import forgeries
from tests.support.receipts import as_the_saga, checked, payable, payment, receipts, stock
from tests.unit.order.conftest import COMMANDS, CONTEXT, Shop, an_order, handle, order_store

LINES = an_order()["lines"]
TOTAL = {"amount": 4999, "currency": "USD"}
NEEDS: dict[str, tuple[dict[str, Any], dict[str, Callable[[str], dict[str, Any]]]]] = {
    "decide": (
        {"decision": "CONFIRM"},
        {
            "payment": lambda order_id: payment(order_id, "AUTHORIZED"),
            "stock": lambda order_id: stock(order_id, "HELD", lines=LINES),
        },
    ),
    "decide to cancel": (
        {"command": "decide", "decision": "CANCEL"},
        {"evidence": lambda order_id: payment(order_id, "DECLINED", reason="card_declined")},
    ),
    "wait": (
        {"tried_at": ""},
        {
            "payment": lambda order_id: payment(order_id, "AUTHORIZED"),
            "stock": lambda order_id: stock(order_id, "WAITING", lines=LINES),
        },
    ),
    "unavailable": ({"reason": "PAYMENT_UNAVAILABLE", "tried_at": ""}, {"payable": payable}),
    "refuse": ({}, {"payment": lambda order_id: payment(order_id, "CAPTURE_REFUSED", reason="expired")}),
    "confirm": (
        {},
        {"payment": lambda order_id: payment(order_id, "CAPTURED"), "stock": lambda order_id: stock(order_id, "COMMITTED")},
    ),
    "cancel": (
        {},
        {"payment": lambda order_id: payment(order_id, "VOIDED"), "stock": lambda order_id: stock(order_id, "RELEASED")},
    ),
}
"""Each command: what it names beside its evidence, and a true statement for each that it needs, by field."""
KINDS = {"payment": Kind.PAYMENT, "stock": Kind.STOCK, "evidence": Kind.PAYMENT, "payable": Kind.PAYABLE}


@pytest.fixture(params=["PENDING", "CONFIRMING", "CANCELLING", "BACKORDERED", "CONFIRMED", "CANCELLED"])
def order_id(request: pytest.FixtureRequest, shop: Shop) -> str:
    """Return the id of an order in the requested state."""
    found = str(shop.place(body=an_order(if_short="BACK_ORDER")).body["order_id"])
    for command in {
        "CONFIRMING": ["decide"],
        "CANCELLING": ["decide to cancel"],
        "BACKORDERED": ["wait"],
        "CONFIRMED": ["decide", "confirm"],
        "CANCELLED": ["decide to cancel", "cancel"],
    }.get(request.param, []):
        more, true = NEEDS[command]
        assert invoke(command, found, **{field: make(found) for field, make in true.items()}, **more)
    assert row(found)["status"] == request.param
    return found


def invoke(called: str, order_id: Any, **fields: Any) -> Any:
    about = {"command": called, "order_id": order_id, "correlation_id": "c", "causation_id": "c"}
    return handle(commands, {**about, **fields}, CONTEXT)


def row(order_id: str) -> dict[str, Any]:
    found = order_store().get(order_id)
    assert found
    return found


def test_every_command_that_moves_an_order_needs_a_receipt() -> None:
    assert {more.get("command", command) for command, (more, _) in NEEDS.items()} == COMMANDS - {"load"}


@pytest.mark.parametrize("command", NEEDS)
def test_forged_evidence_moves_nothing(order_id: str, command: str) -> None:
    more, true = NEEDS[command]
    before, answered = row(order_id), {}
    stated = {field: make(order_id) for field, make in true.items()}
    for field, statement in stated.items():
        for name, forged in forgeries(KINDS[field], order_id, statement).items():
            with suppress(ReceiptRefusedError):
                answered[field, name] = invoke(command, order_id, **{**stated, field: forged}, **more)
    assert (answered, row(order_id)) == ({}, before)


@pytest.mark.parametrize("command", NEEDS)
@pytest.mark.parametrize("order_id", ["anything at all", "", None, 7, "ord-" + "A" * 26], ids=str)
def test_forged_order_ids_are_refused(order_id: Any, command: str) -> None:
    more, true = NEEDS[command]
    with pytest.raises(InvalidCommandError, match="order_id"):
        invoke(command, order_id, **{field: make(str(order_id)) for field, make in true.items()}, **more)


def pending(shop: Shop, if_short: str) -> str:
    return str(shop.place(body=an_order(if_short=if_short)).body["order_id"])


def held(*quantities: int) -> dict[str, Any]:
    """So many of each line."""
    lines = [{**line, "quantity": quantity} for line, quantity in zip(LINES, quantities, strict=True) if quantity]
    return {"outcome": "HELD", "lines": lines}


@pytest.mark.parametrize("if_short", ["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"])
@pytest.mark.parametrize(
    "answer",
    [held(9999, 1), held(3, 1), held(2, 2), held(2, -1), {"outcome": "HELD", "lines": [*LINES, {"sku": "TV", "quantity": 1}]}],
    ids=["far more", "one more", "one more of another", "less than nothing", "another SKU"],
)
def test_forged_holds_of_more_than_was_ordered_raise_no_total(shop: Shop, if_short: str, answer: dict[str, Any]) -> None:
    """Even with inventory's own receipt: a total follows from the original lines."""
    order_id = pending(shop, if_short)
    before = row(order_id)
    with pytest.raises(EvidenceMissingError, match="at most"):
        invoke("decide", order_id, **as_the_saga("decide", order_id, {"decision": "CONFIRM", "stock": answer}))
    assert row(order_id) == before


@pytest.mark.parametrize("if_short", ["REJECT", "BACK_ORDER"])
def test_forged_parts_of_an_order_that_allows_none_are_refused(shop: Shop, if_short: str) -> None:
    order_id = pending(shop, if_short)
    before = row(order_id)
    with pytest.raises(EvidenceMissingError, match="all of its lines or none"):
        invoke("decide", order_id, **as_the_saga("decide", order_id, {"decision": "CONFIRM", "stock": held(1, 1)}))
    assert row(order_id) == before


def test_a_total_is_computed_from_the_rows_own_lines(shop: Shop) -> None:
    order_id = pending(shop, "ALLOW_PARTIAL")
    answer = invoke("decide", order_id, **as_the_saga("decide", order_id, {"decision": "CONFIRM", "stock": held(1, 1)}))
    assert answer["total"] == row(order_id)["total"] == {"amount": 1250 + 2499, "currency": "USD"}


def test_an_order_is_not_confirmed_on_a_hold_alone(shop: Shop) -> None:
    order_id = pending(shop, "REJECT")
    before = row(order_id)
    declined = {"decision": "CONFIRM", "payment": "DECLINED", "stock": held(2, 1)}
    with pytest.raises(EvidenceMissingError, match="payment AUTHORIZED"):
        invoke("decide", order_id, **as_the_saga("decide", order_id, declined))
    assert row(order_id) == before


def test_input_of_a_run_has_the_receipts_of_the_order(shop: Shop) -> None:
    """The live input, and what a resumed run loads, state the same, and the decision as it is."""
    order_id = pending(shop, "ALLOW_PARTIAL")
    live, loaded = Statements(receipts()).live_input(row(order_id)), invoke("load", order_id)
    for stated in (live, loaded):
        assert receipts().check(Kind.PAYABLE, order_id, stated["payable"]) == {"total": TOTAL, "payment_token": "pm_card_visa"}
        assert receipts().check(Kind.WANTED, order_id, stated["wanted"]) == {"lines": LINES, "if_short": "ALLOW_PARTIAL"}
        assert checked(Kind.DECISION, order_id, stated["decision"]) == {"outcome": "PENDING", "reason": None, "total": TOTAL}
