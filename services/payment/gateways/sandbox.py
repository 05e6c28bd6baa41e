"""The sandbox: a gateway backed only by its ledger, for the laptop, tests and stages without real money.

The ledger has one record for each (order, operation), made by one conditional write and never changed. If an operation
excludes another, the same transaction requires that the other's record is missing. The payment token drives the outcome:

| token | outcome |
|---|---|
| `pm_card_visa` | authorised, captured |
| `pm_card_declined` | declined, `card_declined` |
| `pm_card_insufficient_funds` | declined, `insufficient_funds` |
| `pm_card_capture_refused` | authorised, its capture refused, `capture_refused` |
| `pm_card_refund_refused` | captured, its refund refused, `refund_refused`, when first attempted |
| `pm_card_slow` | authorised, but the first answer is lost (GatewayTimeoutError) |
| `pm_card_unavailable` | never authorised: always GatewayUnavailableError |
| any other | declined, `unknown_payment_token` |
"""

from typing import Final

from services.payment.domain.gateway import (
    Authorized,
    Captured,
    CaptureRefused,
    Declined,
    GatewayTimeoutError,
    GatewayUnavailableError,
    Intent,
    NothingAuthorizedError,
    Refunded,
    RefundRefused,
    Settled,
    Voided,
)
from services.payment.gateways.ledger import OUTSIDE, Ledger, Outcome, require_at_least, require_same_total

SLOW: Final = "pm_card_slow"
UNAVAILABLE: Final = "pm_card_unavailable"
CAPTURE_REFUSED: Final = "pm_card_capture_refused"
REFUND_REFUSED: Final = "pm_card_refund_refused"
ACCEPTED: Final = frozenset({"pm_card_visa", CAPTURE_REFUSED, REFUND_REFUSED, SLOW})
DECLINED: Final = {"pm_card_declined": "card_declined", "pm_card_insufficient_funds": "insufficient_funds"}


class SandboxGateway:
    """A `PaymentGateway` that has no provider behind it, only its DynamoDB ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def authorize(self, intent: Intent) -> Authorized | Declined | Voided:
        """Set the total aside, or decline, as the token determines."""
        if intent.payment_token == UNAVAILABLE:
            raise GatewayUnavailableError("the sandbox is unavailable to this token")
        outcome: Outcome = {"outcome": "AUTHORIZED"}
        if intent.payment_token not in ACCEPTED:
            outcome = {"outcome": "DECLINED", "reason": DECLINED.get(intent.payment_token, "unknown_payment_token")}
        refused = self.ledger.write(
            self.ledger.record(intent.order_id, "authorize", **intent.total.as_dict(), **outcome),
            self.ledger.check(intent.order_id, "void", "attribute_not_exists(pk)"),
        )
        if 0 in refused:
            outcome = require_same_total(refused[0], intent.total)
        elif refused:
            return Voided()
        elif intent.payment_token == SLOW:
            raise GatewayTimeoutError("the sandbox recorded the authorisation and lost its answer, as this token requests")
        return Declined(outcome["reason"]) if outcome["outcome"] == "DECLINED" else Authorized()

    def capture(self, intent: Intent) -> Captured | CaptureRefused:
        """Capture the total unless it was voided or the token refuses. Raises NothingAuthorizedError too."""
        outcome: Outcome = {"outcome": "CAPTURED"}
        if intent.payment_token == CAPTURE_REFUSED:
            outcome = {"outcome": "CAPTURE_REFUSED", "reason": "capture_refused"}
        refused = self.ledger.write(
            self.ledger.record(intent.order_id, "capture", **intent.total.as_dict(), **outcome),
            self.ledger.check(
                intent.order_id,
                "authorize",
                "outcome = :authorized AND amount >= :amount AND currency = :currency",
                {":authorized": "AUTHORIZED", ":amount": intent.total.amount, ":currency": intent.total.currency},
            ),
            self.ledger.check(intent.order_id, "void", "attribute_not_exists(pk)"),
        )
        if 0 in refused:
            outcome = require_same_total(refused[0], intent.total)
        elif 2 in refused:
            return CaptureRefused("voided")
        elif 1 in refused:
            if not refused[1]:
                raise NothingAuthorizedError(f"nothing is authorised for {intent.order_id}")
            require_at_least(refused[1], intent.total)
            return CaptureRefused("not_authorized")
        return CaptureRefused(outcome["reason"]) if outcome["outcome"] == "CAPTURE_REFUSED" else Captured()

    def void(self, order_id: str) -> Voided | Captured:
        """Make the record that refuses every later authorise and capture, unless the money is captured."""
        return Voided() if self.ledger.void(order_id) else Captured()

    def refund(self, intent: Intent, attempt: int) -> Refunded | RefundRefused | Settled:
        """Give back the captured total unless the token refuses. Raises NothingToRefundError too."""
        outcome: Outcome = {"outcome": "REFUNDED"}
        if intent.payment_token == REFUND_REFUSED and attempt == 1:
            outcome = {"outcome": "REFUND_REFUSED", "reason": "refund_refused"}
        return self.ledger.refund(intent, attempt, outcome)

    def settle(self, intent: Intent, attempt: int, reference: str) -> Refunded | RefundRefused | Settled:
        """Record that the attempt was paid outside, unless it has an outcome. Raises NothingToRefundError too."""
        return self.ledger.refund(intent, attempt, {"outcome": OUTSIDE, "reference": reference})
