"""The money of a confirmed order that is cancelled goes back once, whatever the gateway and the deliveries do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from audit.row_faults import faults_of
from kernel.aggregate_store import marshal
from kernel.money import Money
from services.payment.domain.gateway import GatewayTimeoutError, Intent, NothingToRefundError, Refunded, RefundRefused
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.sandbox import SandboxGateway
from services.payment.storage.table import Payments
from tests.support.choreography import REVOKED, an_event
from tests.support.fake_clients import FakeClients
from tests.support.outboxes import events_in
from tests.unit.payment.conftest import ORDER, TOTAL, PaymentService

CANCELLED = an_event("order", "OrderCancelled", ORDER, confirmed=True)


class Unsteady(SandboxGateway):
    """A gateway that does as it is asked, and does not answer as often as `silent` says."""

    silent = 0
    stall: Callable[[], None] | None = None
    """It runs once, between an answer and its arrival."""

    def refund(self, intent: Intent, attempt: int) -> Refunded | RefundRefused:
        outcome = super().refund(intent, attempt)
        if self.stall:
            meanwhile, self.stall = self.stall, None
            meanwhile()
            return outcome
        if self.silent:
            self.silent -= 1
            raise GatewayTimeoutError("no answer")
        return outcome


@pytest.fixture
def gateway(dynamodb: Any) -> Unsteady:
    return Unsteady(Ledger(dynamodb, "ledger"))


@pytest.fixture
def payment(payment_clients: FakeClients, payment_environ: dict[str, str], gateway: Unsteady) -> PaymentService:
    payment = PaymentService(payment_clients, payment_environ, lambda clients, environ: gateway)
    payment.owners.facts["order"] = REVOKED
    return payment


@pytest.fixture
def paid(payment: PaymentService) -> Callable[[str], None]:
    def pay(token: str = "pm_card_visa") -> None:
        payment.authorize(token)
        payment.capture()

    return pay


def told(payment: PaymentService) -> list[str]:
    return [detail_type for detail_type, _ in payment.events]


def test_captured_payment_is_refunded(payment: PaymentService, paid: Callable[..., None]) -> None:
    paid()
    payment.deliver(CANCELLED)
    assert payment.row["status"] == "REFUNDED"
    assert payment.events[-1] == ("PaymentRefunded", {"total": TOTAL})
    assert payment.ledger == {"authorize": "AUTHORIZED", "capture": "CAPTURED", "refund": "REFUNDED"}
    assert "next_due" not in payment.row


def test_redelivery_has_no_side_effects(payment: PaymentService, paid: Callable[..., None]) -> None:
    paid()
    payment.deliver(CANCELLED)
    before = payment.row
    payment.deliver(CANCELLED)
    payment.deliver({**CANCELLED, "replay-name": "monday"})
    assert (payment.row, len(payment.ledger)) == (before, 3)


def test_republished_request_is_answered_again_and_a_replayed_one_is_not(
    payment: PaymentService, paid: Callable[[], None], payments: Payments
) -> None:
    paid()
    payment.deliver(CANCELLED)
    (answer,) = (text for text in payment.row["pending"] if events_in([text])[0]["detail-type"] == "PaymentRefunded")
    key = marshal({"pk": payment.row["pk"]})
    forget = {"TableName": "payments", "Key": key, "UpdateExpression": "REMOVE pending, pending_since, pending_shard"}
    payments.client.update_item(**forget)  # the relay has published it, and it was lost
    payment.deliver({**CANCELLED, "replay-name": "monday"})
    assert "pending" not in payment.row
    payment.deliver(CANCELLED)
    assert payment.row["pending"] == [answer]
    assert (payment.row["status"], len(payment.ledger)) == ("REFUNDED", 3)


def test_order_never_confirmed_gets_no_refund(payment: PaymentService) -> None:
    payment.authorize()
    payment.void()
    before = payment.row
    payment.deliver(an_event("order", "OrderCancelled", ORDER, confirmed=False))
    assert payment.row == before


def test_unknown_outcome_is_queried_until_it_is_known(
    payment: PaymentService, paid: Callable[..., None], gateway: Unsteady
) -> None:
    paid()
    gateway.silent = 2
    payment.deliver(CANCELLED)
    assert payment.row["status"] == "REFUNDING"
    assert payment.sweep()["known"] == 0
    assert payment.sweep(timedelta(minutes=2))["known"] == 1
    assert payment.row["status"] == "REFUNDED"
    assert list(payment.ledger).count("refund") == 1
    assert payment.sweep(timedelta(minutes=3))["known"] == 0, "it is not due any more"


def test_a_refused_refund_waits_for_the_operator(payment: PaymentService, paid: Callable[..., None]) -> None:
    paid("pm_card_refund_refused")
    payment.deliver(CANCELLED)
    assert (payment.row["status"], payment.row["reason"]) == ("REFUND_REFUSED", "refund_refused")
    assert told(payment)[-1] == "PaymentRefundFailed"
    assert payment.sweep()["known"] == 0
    payment.deliver(CANCELLED)
    assert payment.row["status"] == "REFUND_REFUSED"
    assert payment.operate("retry_refund") == {"outcome": "REFUNDED"}
    assert payment.ledger["refund"] == "REFUND_REFUSED"
    assert payment.ledger["refund-2"] == "REFUNDED"
    assert "reason" not in payment.row


def test_only_a_refused_refund_is_retried(payment: PaymentService, paid: Callable[..., None]) -> None:
    assert payment.operate("retry_refund") == {"outcome": "UNCHANGED", "status": None}
    paid()
    assert payment.operate("retry_refund") == {"outcome": "UNCHANGED", "status": "CAPTURED"}
    payment.deliver(CANCELLED)
    before = payment.row
    assert payment.operate("retry_refund") == {"outcome": "REFUNDED"}
    assert payment.row == before


def test_result_of_an_earlier_attempt_does_not_count_for_the_next(
    payment: PaymentService, paid: Callable[..., None], gateway: Unsteady
) -> None:
    """A zombie holds the first attempt's refusal, while the second is under way and succeeds."""
    paid("pm_card_refund_refused")

    def stall() -> None:
        payment.deliver(CANCELLED)  # another delivery is faster, and gets the same answer
        gateway.silent = 1
        assert payment.operate("retry_refund") == {"outcome": "REFUNDING"}

    gateway.stall = stall
    payment.deliver(CANCELLED)
    assert (payment.row["status"], payment.row["refund_attempt"]) == ("REFUNDING", 2)
    assert payment.sweep()["known"] == 1
    assert payment.row["status"] == "REFUNDED"


def test_free_order_is_refunded_without_a_gateway_call(payment: PaymentService) -> None:
    payment.authorize(total={"amount": 0, "currency": "USD"})
    payment.capture({"amount": 0, "currency": "USD"})
    payment.deliver(CANCELLED)
    assert (payment.row["status"], payment.ledger) == ("REFUNDED", {})


def test_sandbox_refunds_only_captured_money(sandbox: SandboxGateway, payment: PaymentService) -> None:
    payment.authorize()
    intent = Intent(ORDER, Money.from_dict(TOTAL), "pm_card_visa")
    with pytest.raises(NothingToRefundError):
        sandbox.refund(intent, 1)
    payment.capture()
    assert sandbox.refund(intent, 1) == Refunded()
    with pytest.raises(NothingToRefundError, match="is not REFUND_REFUSED"):
        sandbox.refund(intent, 2)


OUTSIDE = {"outcome": "OUTSIDE", "reference": "TRANSFER/118"}


def settled(payment: PaymentService, **fields: Any) -> dict[str, Any]:
    return payment.operate("settle_refund", **{"reference": "TRANSFER/118", **fields})


def test_refused_refund_paid_outside_is_settled_with_its_reference(payment: PaymentService, paid: Callable[..., None]) -> None:
    paid("pm_card_refund_refused")
    payment.deliver(CANCELLED)
    for _ in range(2):
        assert settled(payment, reason="card_closed") == {"outcome": "SETTLED", "reference": "TRANSFER/118"}
    assert payment.row["status"] == "REFUNDED"
    assert payment.row["settlement"] == {"reference": "TRANSFER/118", "reason": "card_closed"}
    assert payment.events[-1] == ("PaymentRefunded", {"total": TOTAL, **OUTSIDE})
    assert (payment.ledger["refund"], payment.ledger["refund-2"]) == ("REFUND_REFUSED", "OUTSIDE")
    assert [*faults_of("payment", payment.row)] == [], "the audit knows it"
    assert payment.operate("retry_refund") == {"outcome": "REFUNDED"}, "nothing goes back beside it"
    assert "refund-3" not in payment.ledger


def test_settlement_waits_for_a_gateway_call_under_way(
    payment: PaymentService, paid: Callable[..., None], gateway: Unsteady
) -> None:
    paid()
    gateway.refund = lambda intent, attempt: (_ for _ in ()).throw(GatewayTimeoutError("never"))  # type: ignore[method-assign]
    payment.deliver(CANCELLED)
    assert settled(payment) == {"outcome": "SETTLING", "reference": "TRANSFER/118"}
    payment.deliver(CANCELLED)
    assert payment.row["status"] == "REFUNDING"
    assert payment.sweep(timedelta(minutes=14))["known"] == 0, "a request may come seven minutes late, as in the simulation"
    assert payment.sweep(timedelta(minutes=16))["known"] == 1
    assert payment.row["status"] == "REFUNDED"
    assert payment.events[-1] == ("PaymentRefunded", {"total": TOTAL, **OUTSIDE})
    assert [*faults_of("payment", payment.row)] == []


def test_late_success_of_the_gateway_ends_the_settlement_as_refunded(
    payment: PaymentService, paid: Callable[..., None], gateway: Unsteady
) -> None:
    paid()
    gateway.silent = 1
    payment.deliver(CANCELLED)
    assert settled(payment)["outcome"] == "SETTLING"
    assert payment.sweep(timedelta(minutes=14))["known"] == 0
    assert payment.sweep(timedelta(minutes=16))["known"] == 1
    assert payment.events[-1] == ("PaymentRefunded", {"total": TOTAL})
    assert payment.ledger["refund"] == "REFUNDED"
    assert "settlement" not in payment.row
    assert settled(payment) == {"outcome": "REFUNDED"}


def test_only_an_open_refund_is_settled_and_only_with_an_impersonal_reference(
    payment: PaymentService, paid: Callable[..., None]
) -> None:
    assert settled(payment) == {"outcome": "UNCHANGED", "status": None}
    paid()
    assert settled(payment) == {"outcome": "UNCHANGED", "status": "CAPTURED"}
    for wrong in (
        {"reference": ""},
        {"reference": "alice@example.com"},
        {"reference": "4242424242424242"},
        {"reason": "Her card"},
    ):
        with pytest.raises(ValueError, match="must match"):
            settled(payment, **wrong)
    assert payment.row["status"] == "CAPTURED"
