"""The steps of a payment. Each writes the intent onto the item, calls the gateway, and writes the result onto the item.

Every step may run any number of times, in parallel, and may be cut anywhere. The first intent on the item stays, and a repeated
call returns the gateway's first outcome. So a later call finishes the work of an earlier one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from kernel import clock
from kernel.aggregate_store import Causation
from kernel.logs import logger
from kernel.metrics import count
from kernel.money import Money
from kernel.statements import PaymentStatement
from services.payment.domain import decisions, states
from services.payment.domain.gateway import (
    Authorized,
    Captured,
    Declined,
    GatewayFaultError,
    GatewayMisconfiguredError,
    Intent,
    PaymentGateway,
    Refunded,
    RefundRefused,
    Settled,
    Voided,
)
from services.payment.domain.model import PaymentDecision, PaymentRow
from services.payment.storage.table import Payments, intent_of

UNTRIED: Final = frozenset(
    {"unknown_payment_token", "amount_refused", "currency_refused", "payment_token_refused", "request_refused"}
)
"""Reasons of a decline without a request to the card. Many at once mean that the tokens are of another gateway's account."""


@contextmanager
def count_misconfigurations() -> Iterator[None]:
    """Count GatewayMisconfiguredError in the metric `GatewayMisconfigured`, which has an alarm, and raise it again."""
    try:
        yield
    except GatewayMisconfiguredError as fault:
        logger.error("gateway misconfigured", fault=str(fault))
        count("GatewayMisconfigured", 1)
        raise


class ZeroAmountGateway:
    """The `PaymentGateway` of orders that cost nothing, because providers refuse an amount of zero. It always succeeds."""

    def authorize(self, intent: Intent) -> Authorized:
        """Return Authorized."""
        return Authorized()

    def capture(self, intent: Intent) -> Captured:
        """Return Captured."""
        return Captured()

    def void(self, order_id: str) -> Voided:
        """Return Voided."""
        return Voided()

    def refund(self, intent: Intent, attempt: int) -> Refunded:
        """Return Refunded."""
        return Refunded()

    def settle(self, intent: Intent, attempt: int, reference: str) -> Refunded:
        """Return Refunded, because there is no amount to pay outside."""
        return Refunded()


@dataclass(frozen=True)
class PaymentProcessor:
    """Runs the steps of payments against the table and the gateway.

    Each step raises GatewayFaultError while the outcome is unknown, and what the table raises.
    """

    payments: Payments
    gateway: PaymentGateway

    def authorize(self, intent: Intent, causation: Causation) -> PaymentStatement:
        """Set the total aside: AUTHORIZED, DECLINED with a reason, or VOIDED."""

        def intend(row: PaymentRow | None) -> PaymentDecision | None:
            return decisions.intend_authorize(row, intent, causation.correlation_id)

        row = self.payments.create_or_apply(intent.order_id, intend, causation, presume_absent=True)
        if row["status"] == states.AUTHORIZING:
            with count_misconfigurations():
                outcome = self._gateway_for(row).authorize(intent)
            if isinstance(outcome, Declined) and outcome.reason in UNTRIED:
                count("PaymentUntried", 1)
            if isinstance(outcome, Voided):  # the void overtook this call at the gateway: make the item say so too
                return self.void(intent.order_id, causation)
            row = self.payments.apply(
                intent.order_id, lambda row: decisions.record_authorization(row, outcome), causation, seen=row
            )
        return decisions.answer(row, decisions.AFTER_AUTHORIZE)

    def capture(
        self, order_id: str, causation: Causation, total: Money | None = None, seen: PaymentRow | None = None
    ) -> PaymentStatement:
        """Capture the total: CAPTURED, CAPTURE_REFUSED with a reason, or VOIDED.

        Without a `total`, capture all that was authorised. `seen` saves the first read.
        """
        row = self.payments.create_or_apply(order_id, lambda row: decisions.intend_capture(row, total), causation, seen=seen)
        if row["status"] == states.CAPTURING:
            row = self._finish_capture(row, causation)
        return decisions.answer(row, decisions.AFTER_CAPTURE)

    def void(self, order_id: str, causation: Causation, seen: PaymentRow | None = None) -> PaymentStatement:
        """Release the money: VOIDED, DECLINED with its reason, or CAPTURED if the void came too late and changed nothing.

        An earlier capture is finished first. `seen` saves the first read.
        """

        def intend(row: PaymentRow | None) -> PaymentDecision | None:
            return decisions.intend_void(row, order_id, causation.correlation_id)

        row = self.payments.create_or_apply(order_id, intend, causation, seen=seen)
        if row["status"] == states.CAPTURING:
            row = self.payments.create_or_apply(order_id, intend, causation, seen=self._finish_capture(row, causation))
        if row["status"] == states.VOIDING:
            with count_misconfigurations():
                voided = self._gateway_for(row).void(order_id)
            if isinstance(voided, Captured):
                return {"outcome": "CAPTURED"}  # captured by hand at the gateway: the item stays VOIDING for an operator
            row = self.payments.apply(order_id, decisions.record_void, causation, seen=row)
        return decisions.answer(row, decisions.AFTER_VOID)

    def refund(self, row: PaymentRow) -> PaymentRow:
        """Continue the refund that the item intends, if it does; return the item afterwards.

        A fault of the gateway leaves the item REFUNDING and due, and the sweeper repeats the request.
        """
        if row["status"] != states.REFUNDING or decisions.is_settlement_delayed(row, clock.now()):
            return row
        order_id, attempt, causation = row["order_id"], row["refund_attempt"], decisions.refund_causation(row)
        try:
            with count_misconfigurations():
                outcome = self._attempt_refund(row)
        except GatewayFaultError as fault:
            logger.warning("refund unknown", order_id=order_id, attempt=attempt, fault=type(fault).__name__)
            return row
        if isinstance(outcome, RefundRefused):
            logger.error("refund refused", order_id=order_id, attempt=attempt, reason=outcome.reason)
            count("RefundRefused", 1)
        return self.payments.apply(order_id, lambda row: decisions.record_refund(row, attempt, outcome), causation, seen=row)

    def _attempt_refund(self, row: PaymentRow) -> Refunded | RefundRefused | Settled:
        """Request the refund from the gateway, or record that the customer was paid outside."""
        gateway, attempt = self._gateway_for(row), row["refund_attempt"]
        if "settlement" in row:
            return gateway.settle(intent_of(row), attempt, row["settlement"]["reference"])
        return gateway.refund(intent_of(row), attempt)

    def _finish_capture(self, row: PaymentRow, causation: Causation) -> PaymentRow:
        with count_misconfigurations():
            outcome = self._gateway_for(row).capture(intent_of(row))
        return self.payments.apply(row["order_id"], lambda row: decisions.record_capture(row, outcome), causation, seen=row)

    def _gateway_for(self, row: PaymentRow) -> PaymentGateway:
        """Return the gateway for the item's total. A tombstone has no total, so only the gateway knows if there is money."""
        return ZeroAmountGateway() if "total" in row and row["total"]["amount"] == 0 else self.gateway
