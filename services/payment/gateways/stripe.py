"""Stripe: one PaymentIntent for an order, for ever, whatever is lost on the way.

A PaymentIntent is a state machine of its own (https://docs.stripe.com/payments/paymentintents/lifecycle), and moves money once
at most. So it is made first, which moves nothing, and its id is written into the ledger unless a void is there: who comes later
finds it. From then on each operation reads the PaymentIntent first, and acts only if its state is no outcome: that state is the
guard. An idempotency key saves a repeated request from being carried out twice, for a day; an answer that is no outcome (HTTP
500 above all) spends it, and the next attempt takes the next key. Every outcome is written into the ledger, where the audit
reads it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from kernel import clock
from services.payment.domain.gateway import (
    Authorized,
    Captured,
    CaptureRefused,
    Declined,
    GatewayMisconfiguredError,
    GatewayTimeoutError,
    Intent,
    NothingAuthorizedError,
    NothingToRefundError,
    Refunded,
    RefundRefused,
    Settled,
    Voided,
)
from services.payment.gateways.ledger import OUTSIDE, Ledger, covers, refund_of, refund_outcome, same_total
from services.payment.gateways.stripe_api import KeySpentError, StripeApi, StripeRefusedError
from services.payment.gateways.stripe_currencies import AmountRefusedError, smallest, stripe_amount

PaymentIntent = dict[str, Any]
Refund = dict[str, Any]
Outcome = dict[str, str]
"""`{"outcome": ...}` as the ledger has it, with the `reason` of a refusal, and the `capture_before` of an authorisation."""
PREPARED, VOIDED = "PREPARED", "VOIDED"
CAPTURE_ENDS: Final = frozenset({"succeeded", "canceled", "requires_capture", "requires_payment_method"})
"""A PaymentIntent's states that say how a capture ended, or that it will not be done."""
NOTHING_BACK: Final = frozenset({"failed", "canceled"})
"""A refund's states in which the money is still ours."""
CARD_ERROR: Final = "card_error"
"""Stripe's type of an error that is the card's."""
AUTHENTICATION_REQUIRED: Final = "authentication_required"
"""The customer's bank wants to hear from the customer, who is not there: as good as declined."""
NOT_FOUND: Final = "resource_missing"
NO_PAYMENT: Final = {
    NOT_FOUND: "unknown_payment_token",
    "amount_too_small": "amount_too_small",
    "amount_too_large": "amount_too_large",
    **dict.fromkeys(
        ("parameter_invalid_integer", "invalid_charge_amount", "invalid_charge_amount_no_decimal_compatible"), "amount_refused"
    ),
}
"""Stripe's codes (https://docs.stripe.com/error-codes) of payments that can never be tried, and what we call them."""
NO_PAYMENT_BY: Final = {"amount": "amount_refused", "currency": "currency_refused", "payment_method": "payment_token_refused"}
"""The same by the parameter that Stripe refuses, whose code may be none (a currency that is not the account's has none)."""
ALREADY_REFUNDED: Final = "charge_already_refunded"
REQUEST_REFUSED: Final = "request_refused"
"""Stripe says neither by a code nor by a parameter why it will never take the payment."""
CHARGE: Final = {"expand[0]": "latest_charge"}
"""Asks for the charge with its PaymentIntent: it says until when it can be captured."""


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
        if known["outcome"] == "DECLINED":
            return Declined(known["reason"])
        return Authorized(known.get("capture_before"), smallest(intent.total.currency))

    def capture(self, intent: Intent) -> Captured | CaptureRefused:
        """Capture a part of the authorisation; Stripe releases the rest. Raises NothingAuthorizedError too."""
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

    def refund(self, intent: Intent, attempt: int) -> Refunded | RefundRefused | Settled:
        """Give back what was captured. Raises NothingToRefundError too."""
        return refund_outcome(self._once(intent, refund_of(attempt), lambda: self._refund(intent, attempt)))

    def settle(self, intent: Intent, attempt: int, reference: str) -> Refunded | RefundRefused | Settled:
        """Record that the attempt was paid outside, unless it has an outcome or Stripe has a refund of it under way.

        The caller sees to it that no request for this attempt is on its way to Stripe any more. Raises NothingToRefundError
        too.
        """
        prepared = self.ledger.find(intent.order_id, "intent")
        if prepared is not None and self.ledger.find(intent.order_id, refund_of(attempt)) is None:
            made = _attempted(self._refunds(str(prepared["reference"])), attempt)
            if made is not None:
                return self.refund(intent, attempt)
        return refund_outcome(self.ledger.refund(intent, attempt, outcome=OUTSIDE, reference=reference))

    def _once(self, intent: Intent, operation: str, act: Callable[[], Outcome]) -> Mapping[str, Any]:
        """Return the ledger's record of the operation. The first call runs `act` and records its outcome.

        The outcome of an earlier void is not recorded here: the void has its own record.
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
        """Authorize: AUTHORIZED, DECLINED, or VOIDED if a void came first."""
        try:
            found = self._prepare(intent)
        except AmountRefusedError as refusal:
            return _declined(refusal.reason)
        except StripeRefusedError as refusal:
            return self._never(intent.order_id, "intent", refusal)
        if found is None:
            return {"outcome": VOIDED}
        if found["status"] == "requires_confirmation":
            try:
                found = self._act(intent.order_id, "authorize", found["id"], "confirm", CHARGE)
            except StripeRefusedError as refusal:
                if refusal.kind == CARD_ERROR:
                    return _declined(refusal.reason)
                found = self._found(found["id"])
                if found["status"] == "requires_confirmation":  # it was not even tried
                    return self._never(intent.order_id, "authorize", refusal)
        match found["status"]:
            case "requires_capture" | "succeeded":
                return {"outcome": "AUTHORIZED", **_until(found)}
            case "canceled":
                return {"outcome": VOIDED}
            case "requires_action":
                self._act(intent.order_id, "void", found["id"], "cancel")
                return _declined(AUTHENTICATION_REQUIRED)
            case "requires_payment_method":
                error = found.get("last_payment_error") or {}
                return _declined(error.get("decline_code") or error.get("code") or "card_declined")
            case status:
                raise GatewayTimeoutError(f"the authorisation of {intent.order_id} is {status}")

    def _prepare(self, intent: Intent) -> PaymentIntent | None:
        """Return the order's PaymentIntent, created if it is missing; None if a void came first.

        Raises AmountRefusedError before Stripe is called, and StripeRefusedError.
        """
        prepared = self.ledger.find(intent.order_id, "intent")
        if prepared is not None:
            return self._found(same_total(prepared, intent.total)["reference"])
        form: dict[str, str | int] = {
            "amount": stripe_amount(intent.total),
            "currency": intent.total.currency.lower(),
            "payment_method": intent.payment_token,
            "payment_method_types[0]": "card",
            "capture_method": "manual",
            "metadata[order_id]": intent.order_id,
        }
        made = self._post(intent.order_id, "intent", "/v1/payment_intents", form)
        record = {"reference": made["id"], "outcome": PREPARED, **intent.total.as_dict()}
        refused = self.ledger.write(
            self.ledger.record(intent.order_id, "intent", **record),
            self.ledger.check(intent.order_id, "void", "attribute_not_exists(pk)"),
        )
        if 0 in refused:  # another writer was faster: only its intent will ever be confirmed
            return self._found(same_total(refused[0], intent.total)["reference"])
        return None if refused else made

    def _capture(self, intent: Intent) -> Outcome:
        prepared = self.ledger.find(intent.order_id, "intent")
        if prepared is None:
            raise NothingAuthorizedError(f"nothing is authorised for {intent.order_id}")
        is_part = covers(prepared, intent.total)["amount"] > intent.total.amount
        reference = str(prepared["reference"])
        found = self._found(reference)
        reason = "not_authorized"
        if found["status"] == "requires_capture":
            try:
                part = {"amount_to_capture": stripe_amount(intent.total)} if is_part else {}
                found = self._act(intent.order_id, "capture", reference, "capture", part)
            except AmountRefusedError as refusal:
                reason = refusal.reason
            except StripeRefusedError as refusal:
                found, reason = self._found(reference), refusal.reason or refusal.kind
                if found["status"] not in CAPTURE_ENDS:
                    self._spend(intent.order_id, "capture", refusal)
        match found["status"]:
            case "succeeded":
                return {"outcome": "CAPTURED"}
            case "canceled":
                voided = self.ledger.find(intent.order_id, "void")
                return {"outcome": "CAPTURE_REFUSED", "reason": "voided" if voided else "authorization_expired"}
            case "requires_capture" | "requires_payment_method":
                return {"outcome": "CAPTURE_REFUSED", "reason": reason}
            case "requires_confirmation":
                raise NothingAuthorizedError(f"nothing is authorised for {intent.order_id}")
            case status:
                raise GatewayTimeoutError(f"the capture of {intent.order_id} is {status}")

    def _cancel(self, order_id: str, found: PaymentIntent) -> str:
        """Cancel the PaymentIntent unless it is at an end; the status at which it ended, `canceled` or `succeeded`."""
        if found["status"] not in ("canceled", "succeeded"):
            try:
                found = self._act(order_id, "void", found["id"], "cancel")
            except StripeRefusedError as refusal:
                self._spend(order_id, "void", refusal)
                found = self._found(found["id"])
        if found["status"] not in ("canceled", "succeeded"):
            raise GatewayTimeoutError(f"the payment of {order_id} is {found['status']} and cannot be cancelled yet")
        return str(found["status"])

    def _refund(self, intent: Intent, attempt: int) -> Outcome:
        prepared = self.ledger.find(intent.order_id, "intent")
        before = self.ledger.find(intent.order_id, "capture" if attempt == 1 else refund_of(attempt - 1))
        expected = "CAPTURED" if attempt == 1 else "REFUND_REFUSED"
        if prepared is None or before is None or before["outcome"] != expected:
            raise NothingToRefundError(f"refund {attempt} of {intent.order_id} does not follow on what is {expected}")
        same_total(before, intent.total)
        reference = str(prepared["reference"])
        found = _attempted(self._refunds(reference), attempt)
        if found is None:
            form = {"payment_intent": reference, "metadata[attempt]": str(attempt)}
            try:
                found = self._post(intent.order_id, refund_of(attempt), "/v1/refunds", form)
            except StripeRefusedError as refusal:
                if refusal.reason == NOT_FOUND:
                    raise _misconfigured(refusal) from None
                if refusal.reason != ALREADY_REFUNDED:
                    return {"outcome": "REFUND_REFUSED", "reason": refusal.reason or refusal.kind}
                found = _all_back(self._refunds(reference), attempt)
                if found["status"] != "succeeded":
                    self._spend(intent.order_id, refund_of(attempt), refusal)
        match found["status"]:
            case "succeeded":
                return {"outcome": "REFUNDED"}
            case status if status in NOTHING_BACK:
                return {"outcome": "REFUND_REFUSED", "reason": found.get("failure_reason") or found["status"]}
            case status:
                raise GatewayTimeoutError(f"refund {attempt} of {intent.order_id} is {status}")

    def _refunds(self, reference: str) -> list[Refund]:
        try:
            listed: list[Refund] = self.api.get("/v1/refunds", payment_intent=reference, limit="100")["data"]
        except StripeRefusedError as refusal:
            raise _misconfigured(refusal) from None
        return listed

    def _found(self, reference: str) -> PaymentIntent:
        """Return the PaymentIntent of our ledger. If Stripe does not have it, the key is of another account or mode."""
        try:
            return self.api.get(f"/v1/payment_intents/{reference}", **CHARGE)
        except StripeRefusedError as refusal:
            raise _misconfigured(refusal) from None

    def _act(
        self, order_id: str, operation: str, reference: str, act: str, form: Mapping[str, str | int] | None = None
    ) -> PaymentIntent:
        return self._post(order_id, operation, f"/v1/payment_intents/{reference}/{act}", form)

    def _post(self, order_id: str, operation: str, path: str, form: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Post under the operation's key of now. An answer that may be repeated and is no outcome spends that key."""
        spent = self.ledger.spent_keys(order_id, operation)
        key = f"{order_id}/{operation}/{spent + 1}" if spent else f"{order_id}/{operation}"
        try:
            return self.api.post(path, key, form)
        except (KeySpentError, GatewayMisconfiguredError):
            self.ledger.spend_key(order_id, operation, spent)
            raise
        except StripeRefusedError as refusal:
            refusal.spent = spent
            raise

    def _spend(self, order_id: str, operation: str, refusal: StripeRefusedError) -> None:
        """Spend the key of a refusal that is no outcome. One that is keeps its key: a call beside it must get the same one."""
        self.ledger.spend_key(order_id, operation, refusal.spent)

    def _never(self, order_id: str, operation: str, refusal: StripeRefusedError) -> Outcome:
        """Say why this payment will never be taken. Raises GatewayMisconfiguredError for a request that is wrong by itself."""
        reason = NO_PAYMENT.get(refusal.reason) or NO_PAYMENT_BY.get(refusal.parameter)
        if reason is None and (refusal.status != 400 or refusal.reason or refusal.parameter):
            self._spend(order_id, operation, refusal)
            raise _misconfigured(refusal) from None
        return _declined(reason or REQUEST_REFUSED)


def _attempted(refunds: list[Refund], attempt: int) -> Refund | None:
    return next((refund for refund in refunds if refund["metadata"].get("attempt") == str(attempt)), None)


def _all_back(refunds: list[Refund], attempt: int) -> Refund:
    """Find the refund that left nothing to give back: this attempt with a lost response, or one made by hand at Stripe."""
    under_way = [refund for refund in refunds if refund["status"] not in ("succeeded", *NOTHING_BACK)]
    if _attempted(refunds, attempt) or under_way:
        return _attempted(refunds, attempt) or under_way[0]
    if refunds and all(refund["status"] in NOTHING_BACK for refund in refunds):
        return {"status": "not known yet"}  # the earlier status is out of date
    return {"status": "succeeded"}


def _misconfigured(refusal: StripeRefusedError) -> GatewayMisconfiguredError:
    return GatewayMisconfiguredError(str(refusal))


def _until(found: PaymentIntent) -> Outcome:
    """`capture_before` of the PaymentIntent's charge, if Stripe says it (https://docs.stripe.com/payments/extended-authorization)."""
    charge = found.get("latest_charge")
    details = (charge.get("payment_method_details") or {}) if isinstance(charge, dict) else {}
    seconds = (details.get("card") or {}).get("capture_before")
    return {"capture_before": clock.rfc3339(datetime.fromtimestamp(seconds, UTC))} if isinstance(seconds, int) else {}


def _declined(reason: str) -> Outcome:
    return {"outcome": "DECLINED", "reason": reason}
