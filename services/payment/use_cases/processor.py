"""The steps of a payment, each: intent onto the row, call to the gateway, result onto the row.

Any of them may run any number of times, side by side, and be cut anywhere. The row keeps its first instruction; a
repeated call gets the gateway's first outcome; so a later call finishes what an earlier one left.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from kernel import clock
from kernel.aggregate_store import Causation, Decision, Row
from kernel.money import Money
from services.payment.domain import decisions, states
from services.payment.domain.decisions import Answer
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
from services.payment.storage.table import Payments, intent_of

logger = Logger(child=True)
metrics = Metrics(namespace="Orderflow")


UNTRIED = frozenset({"unknown_payment_token", "amount_refused", "currency_refused", "payment_token_refused", "request_refused"})
"""Reasons of a decline that no card was asked for. Many of them at once say that the gateway is not the token's."""


@contextmanager
def gateway_watched() -> Iterator[None]:
    """Count, for the alarm, that the gateway refuses us; the fault goes on to the caller, who asks again later."""
    try:
        yield
    except GatewayMisconfiguredError as fault:
        logger.error("gateway misconfigured", fault=str(fault))
        count("GatewayMisconfigured")
        raise


def count(metric: str) -> None:
    """Count one in the metric, at once: the next line may be the last."""
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


class NothingToPay:
    """The `PaymentGateway` of orders that cost nothing: real ones refuse an amount of zero."""

    def authorize(self, intent: Intent) -> Authorized:
        """Authorize every payment."""
        return Authorized()

    def capture(self, intent: Intent) -> Captured:
        """Capture every payment."""
        return Captured()

    def void(self, order_id: str) -> Voided:
        """Void every payment."""
        return Voided()

    def refund(self, intent: Intent, attempt: int) -> Refunded:
        """Refund every payment."""
        return Refunded()

    def settle(self, intent: Intent, attempt: int, reference: str) -> Refunded:
        """Raise: a payment that costs nothing cannot be refunded outside."""
        return Refunded()


def authorize(payments: Payments, gateway: PaymentGateway, intent: Intent, cause: Causation) -> Answer:
    """Authorize: AUTHORIZED, DECLINED with a reason, or VOIDED. Raises GatewayFaultError while the outcome is unknown."""

    def intend(row: Row | None) -> Decision | None:
        return decisions.intend_authorize(row, intent, cause.correlation_id, clock.now())

    row = _step(payments, intent.order_id, intend, cause, presume_absent=True)
    if row["status"] == states.AUTHORIZING:
        with gateway_watched():
            outcome = _gateway_for(row, gateway).authorize(intent)
        if isinstance(outcome, Declined) and outcome.reason in UNTRIED:
            count("PaymentUntried")
        if isinstance(outcome, Voided):  # the void overtook this call at the gateway: see that the row says so too
            return void(payments, gateway, intent.order_id, cause)
        row = _step(payments, intent.order_id, lambda row: decisions.record_authorization(row, outcome), cause, seen=row)
    return decisions.answer(row, decisions.AFTER_AUTHORIZE)


def capture(payments: Payments, gateway: PaymentGateway, order_id: str, cause: Causation, total: Money | None = None) -> Answer:
    """Capture: CAPTURED, CAPTURE_REFUSED with a reason, or VOIDED. Without a `total`, capture the authorized amount.

    Raises GatewayFaultError while the outcome is unknown.
    """
    row = _step(payments, order_id, lambda row: decisions.intend_capture(row, total), cause)
    if row["status"] == states.CAPTURING:
        row = _finish_capture(payments, gateway, row, cause)
    return decisions.answer(row, decisions.AFTER_CAPTURE)


def void(payments: Payments, gateway: PaymentGateway, order_id: str, cause: Causation) -> Answer:
    """VOIDED, DECLINED with its reason, or CAPTURED: then the void came too late and changed nothing.

    A capture that was intended before is finished first. Raises GatewayFaultError while the outcome is unknown.
    """

    def intend(row: Row | None) -> Decision | None:
        return decisions.intend_void(row, order_id, cause.correlation_id, clock.now())

    row = _step(payments, order_id, intend, cause)
    if row["status"] == states.CAPTURING:
        row = _step(payments, order_id, intend, cause, seen=_finish_capture(payments, gateway, row, cause))
    if row["status"] == states.VOIDING:
        with gateway_watched():
            voided = _gateway_for(row, gateway).void(order_id)
        if isinstance(voided, Captured):
            return {"outcome": "CAPTURED"}  # by no capture of ours: the row stays VOIDING, and an operator must look
        row = _step(payments, order_id, decisions.record_void, cause, seen=row)
    return decisions.answer(row, decisions.AFTER_VOID)


def refund(payments: Payments, gateway: PaymentGateway, row: Row | None) -> Row | None:
    """Go on with the refund that the row intends, if it does; the row afterwards.

    A fault of the gateway leaves the row REFUNDING: it is due, and the sweeper asks again.
    """
    if row is None or row["status"] != states.REFUNDING or decisions.is_settling_later(row, clock.now()):
        return row
    order_id, attempt, cause = row["order_id"], row["refund_attempt"], decisions.refund_cause(row)
    try:
        with gateway_watched():
            outcome = _refund_attempt(row, gateway)
    except GatewayFaultError as fault:
        logger.warning("refund unknown", order_id=order_id, attempt=attempt, fault=type(fault).__name__)
        return row
    if isinstance(outcome, RefundRefused):
        logger.error("refund refused", order_id=order_id, attempt=attempt, reason=outcome.reason)
        count("RefundRefused")
    return _step(payments, order_id, lambda row: decisions.record_refund(row, attempt, outcome), cause, seen=row)


def _refund_attempt(row: Row, gateway: PaymentGateway) -> Refunded | RefundRefused | Settled:
    """Have the gateway give the money back; or record, unless it has, that the customer was paid outside."""
    asked, attempt = _gateway_for(row, gateway), row["refund_attempt"]
    if "settlement" in row:
        return asked.settle(intent_of(row), attempt, row["settlement"]["reference"])
    return asked.refund(intent_of(row), attempt)


def _finish_capture(payments: Payments, gateway: PaymentGateway, row: Row, cause: Causation) -> Row:
    with gateway_watched():
        outcome = _gateway_for(row, gateway).capture(intent_of(row))
    return _step(payments, row["order_id"], lambda row: decisions.record_capture(row, outcome), cause, seen=row)


def _gateway_for(row: Row, gateway: PaymentGateway) -> PaymentGateway:
    """Return the gateway of a payment. A tombstone has no total, so only the gateway knows if there is anything to void."""
    return NothingToPay() if row.get("total", {}).get("amount") == 0 else gateway


def _step(
    payments: Payments, order_id: str, decide: Callable[[Row | None], Decision | None], cause: Causation, **hints: Any
) -> Row:
    return payments.create_or_apply(order_id, decide, cause, **hints)
