"""Forged commands: no money is authorised, captured or released without the order's own statement, and nothing is written."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from kernel.commands import InvalidCommandError
from kernel.receipts import CANCELLING, CONFIRMING, Kind, ReceiptRefusedError
from services.payment.domain.gateway import IdempotencyConflictError
from services.payment.functions.commands import PaymentCommands
from services.payment.storage.table import Payments
from services.payment.use_cases.processor import PaymentProcessor, ZeroAmountGateway
from tests.support.forged_receipts import OTHER_ORDER, assert_refused, forgeries, other_decisions
from tests.support.receipts import decision, payable, receipts
from tests.support.spy import Spy
from tests.unit.payment.conftest import ORDER, TOTAL, PaymentService

NEEDS: dict[str, tuple[str, Kind, Callable[[str], dict[str, Any]]]] = {
    "authorize": ("payable", Kind.PAYABLE, payable),
    "capture": ("decision", Kind.DECISION, lambda order_id: decision(order_id, CONFIRMING)),
    "void": ("decision", Kind.DECISION, lambda order_id: decision(order_id, CANCELLING)),
}
"""Each command, with the statement that it needs: its field, its kind, and a true one."""
CAUSE = {"correlation_id": "c", "causation_id": "c"}
ONE_CENT = {"amount": 1, "currency": "USD"}


@pytest.fixture(params=["no payment yet", "authorised"])
def books(request: pytest.FixtureRequest, payment: PaymentService) -> Callable[[], Any]:
    """All rows of the payment's table and of the gateway's ledger, now."""
    if request.param == "authorised":
        payment.authorize()
    return lambda: [payment.client.scan(TableName=name, ConsistentRead=True)["Items"] for name in ("payments", "ledger")]


def invoke(payment: PaymentService, command: str, order_id: Any = ORDER, **fields: Any) -> Any:
    return payment.commands({"command": command, "order_id": order_id, **CAUSE, **fields}, None)


def test_every_command_that_moves_money_needs_a_receipt() -> None:
    assert set(NEEDS) == set(PaymentCommands(None, None).table)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", NEEDS)
def test_forged_commands_move_nothing(payment: PaymentService, books: Callable[[], Any], command: str) -> None:
    field, kind, true = NEEDS[command]
    assert_refused(books, partial(invoke, payment), command, field, forgeries(kind, ORDER, true(ORDER)))


@pytest.mark.parametrize("command", ["capture", "void"])
def test_forged_use_of_a_true_decision_moves_nothing(payment: PaymentService, books: Callable[[], Any], command: str) -> None:
    """The statement is the order's own, and is no decision to do this."""
    needed = NEEDS[command][2](ORDER)["outcome"]
    assert_refused(books, partial(invoke, payment), command, "decision", other_decisions(ORDER, needed))


@pytest.mark.parametrize("order_id", ["anything at all", "", None, 7, "ord-" + "a" * 25, "ord-" + "A" * 26, ORDER + "\n"])
@pytest.mark.parametrize("command", NEEDS)
def test_forged_order_ids_leave_no_row(payment: PaymentService, command: str, order_id: Any) -> None:
    field, _, true = NEEDS[command]
    with pytest.raises(InvalidCommandError, match="order_id"):
        invoke(payment, command, order_id, **{field: true(str(order_id))})
    assert [payment.client.scan(TableName=name)["Count"] for name in ("payments", "ledger")] == [0, 0]


@pytest.mark.parametrize("bad", ["", "x" * 201, None, 3], ids=["empty", "too long", "none", "a number"])
@pytest.mark.parametrize("field", ["correlation_id", "causation_id"])
def test_command_with_ids_too_long_for_its_event_leaves_no_row(payment: PaymentService, field: str, bad: Any) -> None:
    """The row would stay AUTHORIZING for ever: its event would fail its schema."""
    with pytest.raises(InvalidCommandError, match=field):
        payment.commands({"command": "authorize", "order_id": ORDER, **CAUSE, field: bad, "payable": payable(ORDER)}, None)
    assert payment.client.scan(TableName="payments")["Count"] == 0


@pytest.mark.parametrize("total", [ONE_CENT, {"amount": 4998, "currency": "EUR"}], ids=["another amount", "another currency"])
def test_a_known_order_is_not_authorised_for_another_total(payment: PaymentService, total: dict[str, Any]) -> None:
    payment.authorize()
    before = payment.row
    with pytest.raises(IdempotencyConflictError):
        payment.authorize(total=total)
    assert payment.row == before


@pytest.mark.parametrize("token", ["pm_card_visa", "pm_card_slow"], ids=["authorised", "authorising"])
def test_a_known_order_is_not_authorised_by_another_token(payment: PaymentService, token: str) -> None:
    with suppress(Exception):
        payment.authorize(token)
    before, ledger = payment.row, payment.ledger
    with pytest.raises(IdempotencyConflictError, match="another payment token"):
        payment.authorize("pm_card_mastercard")
    assert (payment.row, payment.ledger) == (before, ledger)


def test_a_negative_total_is_refused_before_the_gateway(payment: PaymentService) -> None:
    with pytest.raises(InvalidCommandError, match="negative"):
        payment.authorize(total={"amount": -1, "currency": "USD"})
    assert payment.client.scan(TableName="payments")["Count"] == 0


def test_repeated_true_statement_is_the_same_payment(payment: PaymentService) -> None:
    """A receipt is never used up: messages may come late and twice."""
    stated = payable(ORDER)
    assert invoke(payment, "authorize", payable=stated) == invoke(payment, "authorize", payable=stated)
    assert payment.ledger == {"authorize": "AUTHORIZED"}
    assert payment.row["total"] == TOTAL


def test_receipt_of_a_response_is_of_its_order_only(payment: PaymentService) -> None:
    answer = invoke(payment, "authorize", payable=payable(ORDER))
    assert receipts().check(Kind.PAYMENT, ORDER, answer)["outcome"] == "AUTHORIZED"
    with pytest.raises(ReceiptRefusedError):
        receipts().check(Kind.PAYMENT, OTHER_ORDER, answer)


@pytest.mark.parametrize(("command", "outcome"), [("capture", "CONFIRMING"), ("void", "CANCELLING")])
def test_settlement_reads_no_row_of_the_payments_own_statement(payment: PaymentService, command: str, outcome: str) -> None:
    authorized = invoke(payment, "authorize", payable=payable(ORDER))
    spy = Spy(payment.client)
    settles = PaymentCommands(PaymentProcessor(Payments(spy, "payments"), ZeroAmountGateway()), receipts()).table[command]
    about = {"command": command, "order_id": ORDER, **CAUSE, "decision": decision(ORDER, outcome)}
    settles({**about, "before": authorized})
    assert spy.calls == ["update_item", "update_item"]
    again = settles({**about, "before": authorized})
    assert again["outcome"] == payment.row["status"]


@pytest.mark.parametrize(("command", "outcome"), [("capture", "CONFIRMING"), ("void", "CANCELLING")])
def test_forged_row_moves_no_money(payment: PaymentService, command: str, outcome: str) -> None:
    authorized = invoke(payment, "authorize", payable=payable(ORDER))
    forged = {**authorized, "seen": authorized["seen"].replace("4998", "1")}
    for before in (forged, {}, "text", invoke(payment, "authorize", order_id=OTHER_ORDER, payable=payable(OTHER_ORDER))):
        with pytest.raises(ReceiptRefusedError):
            invoke(payment, command, decision=decision(ORDER, outcome), before=before)
    assert payment.row["status"] == "AUTHORIZED"
