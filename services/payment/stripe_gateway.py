"""Stripe: one PaymentIntent for an order, for ever, whatever is lost on the way.

A PaymentIntent is a state machine of its own (https://docs.stripe.com/payments/paymentintents/lifecycle), and moves money once
at most. So it is made first, which moves nothing, and its id is written into the ledger unless a void is there: who comes later
finds it. From then on each operation asks first what has become of it, and acts only if that tells no outcome: an idempotency
key need not outlive a day, and repeats even an error. Every outcome is written into the ledger, where the audit reads it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.payment.gateway import (
    Authorized,
    Captured,
    CaptureRefused,
    Declined,
    GatewayTimeout,
    Intent,
    NothingAuthorized,
    NothingToRefund,
    Refunded,
    RefundRefused,
    Voided,
)
from services.payment.ledger import Ledger, covers, refund_of, same_total
from services.payment.stripe_api import StripeApi, StripeRefused

PaymentIntent = dict[str, Any]
Outcome = dict[str, str]
"""`{"outcome": ...}` as the ledger has it, with the `reason` of a refusal."""
PREPARED, VOIDED = "PREPARED", "VOIDED"
CARD_ERROR: Final = "card_error"
"""What Stripe calls a refusal that is the card's."""
AUTHENTICATION_REQUIRED: Final = "authentication_required"
"""The customer's bank wants to hear from the customer, who is not there: as good as declined."""
NO_PAYMENT: Final = {
    "resource_missing": "unknown_payment_token",
    "amount_too_small": "amount_too_small",
    "amount_too_large": "amount_too_large",
}
"""Stripe's codes (https://docs.stripe.com/error-codes) of payments that cannot even be tried, and what we call them."""


class StripeGateway:
    """A `PaymentGateway` on Stripe, by cards that are captured later."""

    def __init__(self, api: StripeApi, ledger: Ledger) -> None:
        self.api = api
        self.ledger = ledger

    def authorize(self, intent: Intent) -> Authorized | Declined | Voided:
        """Make the PaymentIntent and confirm it, once."""
        known = self._once(intent, "authorize", lambda: self._authorize(intent))
        if known["outcome"] == VOIDED:
            return Voided()
        return Declined(known["reason"]) if known["outcome"] == "DECLINED" else Authorized()

    def capture(self, intent: Intent) -> Captured | CaptureRefused:
        """Take of what was authorised; Stripe lets go of the rest. Raises NothingAuthorized too."""
        known = self._once(intent, "capture", lambda: self._capture(intent))
        return CaptureRefused(known["reason"]) if known["outcome"] == "CAPTURE_REFUSED" else Captured()

    def void(self, order_id: str) -> Voided | Captured:
        """Leave the record that refuses every later authorise, then cancel the PaymentIntent if there is one."""
        if not self.ledger.void(order_id):
            return Captured()
        prepared = self.ledger.find(order_id, "intent")
        if prepared is None:
            return Voided()
        return Captured() if self._cancel(order_id, self._found(prepared["reference"])) == "succeeded" else Voided()

    def refund(self, intent: Intent, attempt: int) -> Refunded | RefundRefused:
        """Give back what was captured. Raises NothingToRefund too."""
        known = self._once(intent, refund_of(attempt), lambda: self._refund(intent, attempt))
        return RefundRefused(known["reason"]) if known["outcome"] == "REFUND_REFUSED" else Refunded()

    def _once(self, intent: Intent, operation: str, act: Callable[[], Outcome]) -> Mapping[str, Any]:
        """The ledger's record of the operation; the first time it is acted, and its outcome written there.

        That a void was first is not: the void's own record tells it.
        """
        known = self.ledger.find(intent.order_id, operation)
        if known is not None:
            return same_total(known, intent.total)
        outcome = act()
        if outcome["outcome"] == VOIDED:
            return outcome
        refused = self.ledger.write(self.ledger.record(intent.order_id, operation, **intent.total.as_dict(), **outcome))
        return same_total(refused[0], intent.total) if refused else outcome

    def _authorize(self, intent: Intent) -> Outcome:
        """AUTHORIZED, DECLINED, or VOIDED where a void was first. Raises StripeRefused for what is no customer's matter."""
        try:
            found = self._prepare(intent)
        except StripeRefused as refusal:
            if refusal.reason not in NO_PAYMENT:
                raise
            return _declined(NO_PAYMENT[refusal.reason])
        if found is None:
            return {"outcome": VOIDED}
        if found["status"] == "requires_confirmation":
            try:
                found = self._post(found["id"], "confirm", f"{intent.order_id}/authorize")
            except StripeRefused as refusal:
                if refusal.kind == CARD_ERROR:
                    return _declined(refusal.reason)
                found = self._found(found["id"])
                if found["status"] == "requires_confirmation":  # it was not even tried: our fault, and no answer
                    raise refusal from None
        match found["status"]:
            case "requires_capture" | "succeeded":
                return {"outcome": "AUTHORIZED"}
            case "canceled":
                return {"outcome": VOIDED}
            case "requires_action":
                self._cancel(intent.order_id, found)
                return _declined(AUTHENTICATION_REQUIRED)
            case "requires_payment_method":
                error = found.get("last_payment_error") or {}
                return _declined(error.get("decline_code") or error.get("code") or "card_declined")
            case status:
                raise GatewayTimeout(f"the authorisation of {intent.order_id} is {status}")

    def _prepare(self, intent: Intent) -> PaymentIntent | None:
        """The order's PaymentIntent, made unless it is there; None where a void was first."""
        prepared = self.ledger.find(intent.order_id, "intent")
        if prepared is not None:
            return self._found(same_total(prepared, intent.total)["reference"])
        form: dict[str, str | int] = {
            "amount": intent.total.amount,
            "currency": intent.total.currency.lower(),
            "payment_method": intent.payment_token,
            "payment_method_types[0]": "card",
            "capture_method": "manual",
            "metadata[order_id]": intent.order_id,
        }
        made = self.api.post("/v1/payment_intents", f"{intent.order_id}/intent", form)
        record = {"reference": made["id"], "outcome": PREPARED, **intent.total.as_dict()}
        refused = self.ledger.write(
            self.ledger.record(intent.order_id, "intent", **record),
            self.ledger.check(intent.order_id, "void", "attribute_not_exists(pk)"),
        )
        if 0 in refused:  # somebody was faster: only theirs will ever be confirmed
            return self._found(same_total(refused[0], intent.total)["reference"])
        return None if refused else made

    def _capture(self, intent: Intent) -> Outcome:
        prepared = self.ledger.find(intent.order_id, "intent")
        if prepared is None:
            raise NothingAuthorized(f"nothing is authorised for {intent.order_id}")
        amount = intent.total.amount
        part = {"amount_to_capture": amount} if covers(prepared, intent.total)["amount"] > amount else {}
        reference = str(prepared["reference"])
        found = self._found(reference)
        reason = "not_authorized"
        if found["status"] == "requires_capture":
            try:
                found = self._post(reference, "capture", f"{intent.order_id}/capture", part)
            except StripeRefused as refusal:
                found, reason = self._found(reference), refusal.reason or refusal.kind
        match found["status"]:
            case "succeeded":
                return {"outcome": "CAPTURED"}
            case "canceled":
                voided = self.ledger.find(intent.order_id, "void")
                return {"outcome": "CAPTURE_REFUSED", "reason": "voided" if voided else "authorization_expired"}
            case "requires_capture" | "requires_payment_method":
                return {"outcome": "CAPTURE_REFUSED", "reason": reason}
            case "requires_confirmation":
                raise NothingAuthorized(f"nothing is authorised for {intent.order_id}")
            case status:
                raise GatewayTimeout(f"the capture of {intent.order_id} is {status}")

    def _cancel(self, order_id: str, found: PaymentIntent) -> str:
        """Cancel the PaymentIntent unless it is at an end; the status at which it ended, `canceled` or `succeeded`."""
        if found["status"] not in ("canceled", "succeeded"):
            try:
                found = self._post(found["id"], "cancel", f"{order_id}/void")
            except StripeRefused:
                found = self._found(found["id"])
        if found["status"] not in ("canceled", "succeeded"):
            raise GatewayTimeout(f"the payment of {order_id} is {found['status']} and cannot be cancelled yet")
        return str(found["status"])

    def _refund(self, intent: Intent, attempt: int) -> Outcome:
        prepared = self.ledger.find(intent.order_id, "intent")
        before = self.ledger.find(intent.order_id, "capture" if attempt == 1 else refund_of(attempt - 1))
        expected = "CAPTURED" if attempt == 1 else "REFUND_REFUSED"
        if prepared is None or before is None or before["outcome"] != expected:
            raise NothingToRefund(f"refund {attempt} of {intent.order_id} does not follow on what is {expected}")
        same_total(before, intent.total)
        reference = str(prepared["reference"])
        listed = self.api.get("/v1/refunds", payment_intent=reference, limit="100")["data"]
        found = next((refund for refund in listed if refund["metadata"].get("attempt") == str(attempt)), None)
        if found is None:
            form = {"payment_intent": reference, "metadata[attempt]": str(attempt)}
            try:
                found = self.api.post("/v1/refunds", f"{intent.order_id}/{refund_of(attempt)}", form)
            except StripeRefused as refusal:
                if refusal.reason == "charge_already_refunded":  # by hand, at Stripe
                    return {"outcome": "REFUNDED"}
                return {"outcome": "REFUND_REFUSED", "reason": refusal.reason or refusal.kind}
        match found["status"]:
            case "succeeded":
                return {"outcome": "REFUNDED"}
            case "failed" | "canceled":
                return {"outcome": "REFUND_REFUSED", "reason": found.get("failure_reason") or found["status"]}
            case status:
                raise GatewayTimeout(f"refund {attempt} of {intent.order_id} is {status}")

    def _found(self, reference: str) -> PaymentIntent:
        return self.api.get(f"/v1/payment_intents/{reference}")

    def _post(self, reference: str, operation: str, key: str, form: Mapping[str, str | int] | None = None) -> PaymentIntent:
        return self.api.post(f"/v1/payment_intents/{reference}/{operation}", key, form)


def _declined(reason: str) -> Outcome:
    return {"outcome": "DECLINED", "reason": reason}
