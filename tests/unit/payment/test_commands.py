"""The payment's commands, one at a time: answers, states, events, and what repeating them does."""

import pytest

from kernel.commands import InvalidCommandError, UnknownCommandError
from services.payment.domain.decisions import NotAuthorizedError
from services.payment.domain.gateway import GatewayTimeoutError, GatewayUnavailableError, IdempotencyConflictError
from tests.support.outboxes import events_in
from tests.support.receipts import payable
from tests.unit.payment.conftest import ORDER, TOTAL, PaymentService

FREE = {"amount": 0, "currency": "USD"}


def test_a_payment_is_authorised_and_captured(payment: PaymentService) -> None:
    assert payment.authorize() == {"outcome": "AUTHORIZED"}
    assert payment.row["status"] == "AUTHORIZED"
    assert payment.capture() == {"outcome": "CAPTURED"}

    assert payment.row["status"] == "CAPTURED"
    assert payment.events == [("PaymentAuthorized", {"total": TOTAL}), ("PaymentCaptured", {"total": TOTAL})]
    assert payment.ledger == {"authorize": "AUTHORIZED", "capture": "CAPTURED"}


def test_the_intent_is_on_the_row_before_the_gateway_is_called(payment: PaymentService) -> None:
    with pytest.raises(GatewayUnavailableError):
        payment.authorize("pm_card_unavailable")

    assert payment.row["status"] == "AUTHORIZING"
    assert payment.row["total"] == TOTAL
    assert payment.ledger == {}


def test_decline_is_returned_with_its_reason(payment: PaymentService) -> None:
    declined = {"outcome": "DECLINED", "reason": "insufficient_funds"}

    assert payment.authorize("pm_card_insufficient_funds") == declined
    assert payment.authorize("pm_card_insufficient_funds") == declined
    assert payment.void() == declined

    assert payment.row["status"] == "DECLINED"
    assert payment.events == [("PaymentDeclined", {"total": TOTAL, "reason": "insufficient_funds"})]
    assert payment.ledger == {"authorize": "DECLINED"}


def test_repeated_command_learns_an_unknown_outcome(payment: PaymentService) -> None:
    with pytest.raises(GatewayTimeoutError):
        payment.authorize("pm_card_slow")
    assert payment.row["status"] == "AUTHORIZING"

    assert payment.authorize("pm_card_slow") == {"outcome": "AUTHORIZED"}
    assert payment.ledger == {"authorize": "AUTHORIZED"}


def test_an_unknown_outcome_can_be_voided(payment: PaymentService) -> None:
    with pytest.raises(GatewayTimeoutError):
        payment.authorize("pm_card_slow")

    assert payment.void() == {"outcome": "VOIDED"}
    assert payment.authorize("pm_card_slow") == {"outcome": "VOIDED"}
    assert payment.ledger == {"authorize": "AUTHORIZED", "void": "VOIDED"}


def test_unavailable_gateway_leaves_nothing_to_refund(payment: PaymentService) -> None:
    with pytest.raises(GatewayUnavailableError):
        payment.authorize("pm_card_unavailable")

    assert payment.void() == {"outcome": "VOIDED"}
    assert payment.events == [("PaymentVoided", {"total": TOTAL})]


def test_refused_capture_is_returned_and_can_be_voided(payment: PaymentService) -> None:
    payment.authorize("pm_card_capture_refused")
    refused = {"outcome": "CAPTURE_REFUSED", "reason": "capture_refused"}

    assert payment.capture() == refused
    assert payment.capture() == refused
    assert payment.void() == {"outcome": "VOIDED"}
    assert payment.capture() == {"outcome": "VOIDED"}

    assert payment.events == [
        ("PaymentAuthorized", {"total": TOTAL}),
        ("PaymentFailed", {"total": TOTAL, "operation": "capture", "reason": "capture_refused"}),
        ("PaymentVoided", {"total": TOTAL}),
    ]


def test_an_authorised_payment_is_voided_once(payment: PaymentService) -> None:
    payment.authorize()

    assert payment.void() == {"outcome": "VOIDED"}
    version = payment.row["version"]
    assert payment.void() == {"outcome": "VOIDED"}
    assert payment.authorize() == {"outcome": "VOIDED"}
    assert payment.capture() == {"outcome": "VOIDED"}

    assert payment.row["version"] == version
    assert payment.ledger == {"authorize": "AUTHORIZED", "void": "VOIDED"}


def test_a_void_before_its_authorise_leaves_a_tombstone(payment: PaymentService) -> None:
    assert payment.void() == {"outcome": "VOIDED"}
    assert payment.authorize() == {"outcome": "VOIDED"}

    assert (payment.row["status"], payment.row["order_id"]) == ("VOIDED", ORDER)
    assert payment.events == [("PaymentVoided", {})]
    assert payment.ledger == {"void": "VOIDED"}


def test_a_void_after_the_capture_changes_nothing(payment: PaymentService) -> None:
    payment.authorize()
    payment.capture()
    before = payment.row

    assert payment.void() == {"outcome": "CAPTURED"}

    assert payment.row == before
    assert payment.ledger == {"authorize": "AUTHORIZED", "capture": "CAPTURED"}


@pytest.mark.parametrize("token", ["pm_card_visa", "pm_card_capture_refused"])
def test_later_repeat_of_authorise_returns_the_same_result(payment: PaymentService, token: str) -> None:
    payment.authorize(token)
    payment.capture()
    before = payment.row

    assert payment.authorize(token) == {"outcome": "AUTHORIZED"}
    assert payment.row == before


def test_capture_without_authorisation_raises_an_error(payment: PaymentService) -> None:
    with pytest.raises(NotAuthorizedError, match="missing"):
        payment.capture()
    payment.authorize("pm_card_declined")
    with pytest.raises(NotAuthorizedError, match="DECLINED"):
        payment.capture()


def test_free_order_makes_no_gateway_call(payment: PaymentService) -> None:
    assert payment.authorize(total=FREE) == {"outcome": "AUTHORIZED"}
    assert payment.capture(FREE) == {"outcome": "CAPTURED"}

    assert payment.events == [("PaymentAuthorized", {"total": FREE}), ("PaymentCaptured", {"total": FREE})]
    assert payment.ledger == {}


def test_free_order_is_voided_without_a_gateway_call(payment: PaymentService) -> None:
    payment.authorize(total=FREE)

    assert payment.void() == {"outcome": "VOIDED"}
    assert payment.ledger == {}


def test_same_order_with_another_total_raises_an_error(payment: PaymentService) -> None:
    payment.authorize()

    with pytest.raises(IdempotencyConflictError):
        payment.authorize(total={"amount": 1, "currency": "USD"})


@pytest.mark.parametrize("amount", [-1, 10.5, "10"])
def test_total_that_is_no_integer_from_zero_is_refused(payment: PaymentService, amount: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        payment.authorize(total={"amount": amount, "currency": "USD"})
    assert payment.operate("status") == {"outcome": "NOT_FOUND"}


def test_status_is_returned_without_the_token(payment: PaymentService) -> None:
    payment.authorize("pm_card_declined")

    found = payment.operate("status")

    assert (found["outcome"], found["status"], found["total"], found["reason"]) == ("FOUND", "DECLINED", TOTAL, "card_declined")
    assert "payment_token" not in found


def test_events_carry_the_order_and_their_cause(payment: PaymentService) -> None:
    payment.authorize()

    [event] = events_in(payment.row["pending"])
    about = {"order_id": ORDER, "correlation_id": "correlation-1", "causation_id": f"ORDER#{ORDER}#1"}
    assert about.items() <= event["detail"]["metadata"].items()


def test_unknown_command_or_missing_field_raises_an_error(payment: PaymentService) -> None:
    with pytest.raises(UnknownCommandError, match="'refund' is not one of authorize"):
        payment("refund")
    with pytest.raises(InvalidCommandError, match="correlation_id"):
        payment.commands({"command": "authorize", "order_id": ORDER, "payable": payable(ORDER)}, None)
