"""Stripe as the payment gateway: an order has one PaymentIntent for ever, whatever requests and responses are lost.

A PaymentIntent is a state machine (https://docs.stripe.com/payments/paymentintents/lifecycle) that moves money at most once.

- The adapter makes it first, which moves no money, and writes its id into the ledger unless a void is there. Every later call
  finds it there.
- Each operation reads the PaymentIntent and acts only while its state shows no outcome: that state is the guard.
- For a day, an idempotency key keeps Stripe from carrying out a repeated request twice. A response that is no outcome, above
  all HTTP 500, spends the key, and the next attempt takes the next one.
- Every outcome is written into the ledger, where the audit reads it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, TypedDict, cast

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
from services.payment.gateways.ledger import (
    OUTSIDE,
    Ledger,
    Outcome,
    refund_of,
    refund_outcome,
    require_at_least,
    require_same_total,
)
from services.payment.gateways.stripe_api import KeySpentError, StripeApi, StripeObject, StripeRefusedError
from services.payment.gateways.stripe_currencies import AmountRefusedError, smallest, stripe_amount, unit

PREPARED, VOIDED = "PREPARED", "VOIDED"
CAPTURE_ENDS: Final = frozenset({"succeeded", "canceled", "requires_capture", "requires_payment_method"})
"""A PaymentIntent's states after a capture that ended, or that Stripe will not carry out."""
NOTHING_BACK: Final = frozenset({"failed", "canceled"})
"""A refund's states in which the customer gets nothing back."""
CARD_ERROR: Final = "card_error"
"""Stripe's type of a refusal by the card."""
REQUEST_FAILED: Final = 402
"""Stripe's HTTP status of a request that is valid and failed, nearly always by the card (https://docs.stripe.com/api/errors)."""
AUTHENTICATION_REQUIRED: Final = "authentication_required"
"""The bank requires the customer to be present, so the payment counts as declined."""
NOT_FOUND: Final = "resource_missing"
DECLINE_REASONS: Final = {
    NOT_FOUND: "unknown_payment_token",
    "amount_too_small": "amount_too_small",
    "amount_too_large": "amount_too_large",
    **dict.fromkeys(
        ("parameter_invalid_integer", "invalid_charge_amount", "invalid_charge_amount_no_decimal_compatible"), "amount_refused"
    ),
}
"""The reason of a decline by Stripe's code (https://docs.stripe.com/error-codes), if the payment can never be tried."""
DECLINE_REASONS_BY_PARAMETER: Final = {
    "amount": "amount_refused",
    "currency": "currency_refused",
    "payment_method": "payment_token_refused",
}
"""The same by the refused parameter: a currency that the account does not have comes without a code."""
CAPTURE_REFUSALS: Final = frozenset(
    {
        "amount_too_large",
        "amount_too_small",
        "capture_charge_authorization_expired",
        "capture_unauthorized_payment",
        "charge_exceeds_transaction_limit",
        "charge_expired_for_capture",
        "payment_intent_unexpected_state",
    }
)
"""Stripe's codes that end a capture although the PaymentIntent waits for it. Others are about our account or request."""
ALREADY_REFUNDED: Final = "charge_already_refunded"
REQUEST_REFUSED: Final = "request_refused"
"""The reason of a decline if Stripe gives neither a code nor a parameter."""
CARD_DECLINED: Final = "card_declined"
"""The reason of a card's refusal without a word for it."""
REASON: Final = re.compile(r"[a-z0-9_]{1,64}")
"""A reason as the events of the service have it: another text would keep its payment from moving on."""
CHARGE: Final = {"expand[0]": "latest_charge"}
"""Requests the charge with its PaymentIntent, for the end of the authorisation."""


class PaymentFailure(TypedDict, total=False):
    """The last error of a PaymentIntent."""

    code: str
    decline_code: str


class Card(TypedDict, total=False):
    """A charge's card; `capture_before` in seconds since 1970."""

    capture_before: int


class MethodDetails(TypedDict, total=False):
    """A charge's payment method."""

    card: Card | None


class Charge(TypedDict, total=False):
    """A charge (https://docs.stripe.com/api/charges/object)."""

    payment_method_details: MethodDetails | None


class PaymentIntent(TypedDict, total=False):
    """The fields of a PaymentIntent that are read (https://docs.stripe.com/api/payment_intents/object)."""

    id: str
    status: str
    last_payment_error: PaymentFailure | None
    latest_charge: Charge | str | None


class Refund(TypedDict, total=False):
    """The fields of a refund that are read (https://docs.stripe.com/api/refunds/object)."""

    status: str | None
    metadata: dict[str, str] | None
    failure_reason: str | None


class StripeGateway:
    """A `PaymentGateway` on Stripe, for cards with a separate capture."""

    def __init__(self, api: StripeApi, ledger: Ledger) -> None:
        self.api = api
        self.ledger = ledger

    def authorize(self, intent: Intent) -> Authorized | Declined | Voided:
        """Make the PaymentIntent and confirm it, once."""
        known = self._run_once(intent, "authorize", lambda: self._authorize(intent))
        if known["outcome"] == VOIDED:
            return Voided()
        if known["outcome"] == "DECLINED":
            return Declined(known["reason"])
        currency = intent.total.currency
        return Authorized(known.get("capture_before"), smallest(currency), unit(currency))

    def capture(self, intent: Intent) -> Captured | CaptureRefused:
        """Capture the total; Stripe releases the rest of the authorisation. Raises NothingAuthorizedError too."""
        known = self._run_once(intent, "capture", lambda: self._capture(intent))
        return CaptureRefused(known["reason"]) if known["outcome"] == "CAPTURE_REFUSED" else Captured()

    def void(self, order_id: str) -> Voided | Captured:
        """Make the record that refuses every later authorise, then cancel the PaymentIntent if there is one."""
        if not self.ledger.void(order_id):
            return Captured()
        prepared = self.ledger.find(order_id, "intent")
        if prepared is None:
            return Voided()
        return Captured() if self._cancel(order_id, self._retrieve(prepared["reference"])) == "succeeded" else Voided()

    def refund(self, intent: Intent, attempt: int) -> Refunded | RefundRefused | Settled:
        """Give back the captured total. Raises NothingToRefundError too."""
        return refund_outcome(self._run_once(intent, refund_of(attempt), lambda: self._refund(intent, attempt)))

    def settle(self, intent: Intent, attempt: int, reference: str) -> Refunded | RefundRefused | Settled:
        """Record that the attempt was paid outside, unless it has an outcome or Stripe has its refund under way.

        The caller must wait until no request for this attempt can reach Stripe any more. Raises NothingToRefundError too.
        """
        prepared = self.ledger.find(intent.order_id, "intent")
        if prepared is not None and self.ledger.find(intent.order_id, refund_of(attempt)) is None:
            made = _attempted(self._refunds(prepared["reference"]), attempt)
            if made is not None:
                return self.refund(intent, attempt)
        return self.ledger.refund(intent, attempt, {"outcome": OUTSIDE, "reference": reference})

    def _run_once(self, intent: Intent, operation: str, run: Callable[[], Outcome]) -> Outcome:
        """Return the outcome in the ledger; if there is none, run the operation and write its outcome there.

        The outcome VOIDED is not written, because the void has a record of its own.
        """
        known = self.ledger.find(intent.order_id, operation)
        if known is not None:
            return require_same_total(known, intent.total)
        outcome = run()
        if outcome["outcome"] == VOIDED:
            return outcome
        refused = self.ledger.write(self.ledger.record(intent.order_id, operation, **intent.total.as_dict(), **outcome))
        return require_same_total(refused[0], intent.total) if refused else outcome

    def _authorize(self, intent: Intent) -> Outcome:
        """Return AUTHORIZED, DECLINED, or VOIDED if a void was first."""
        try:
            found = self._prepare(intent)
        except AmountRefusedError as refusal:
            return _declined(refusal.reason)
        except StripeRefusedError as refusal:
            return self._decline(intent.order_id, "intent", refusal)
        if found is None:
            return {"outcome": VOIDED}
        if found["status"] == "requires_confirmation":
            try:
                found = self._act(intent.order_id, "authorize", found["id"], "confirm", CHARGE)
            except StripeRefusedError as refusal:
                if refusal.kind == CARD_ERROR:
                    return _declined(_word(refusal.reason, CARD_DECLINED))
                found = self._retrieve(found["id"])
                if found["status"] == "requires_confirmation":  # Stripe did not try it
                    return self._decline(intent.order_id, "authorize", refusal)
        match found["status"]:
            case "requires_capture" | "succeeded":
                return {"outcome": "AUTHORIZED", **_capture_deadline(found)}
            case "canceled":
                return {"outcome": VOIDED}
            case "requires_action":
                return self._decline_unauthenticated(intent.order_id, found["id"])
            case "requires_payment_method":
                error: PaymentFailure = found.get("last_payment_error") or {}
                return _declined(_word(error.get("decline_code"), error.get("code"), CARD_DECLINED))
            case status:
                raise GatewayTimeoutError(f"the authorisation of {intent.order_id} is {status}")

    def _decline_unauthenticated(self, order_id: str, reference: str) -> Outcome:
        """Cancel a PaymentIntent that waits for its customer. The next attempt sees what Stripe did if it refuses that."""
        try:
            self._act(order_id, "void", reference, "cancel")
        except StripeRefusedError as refusal:
            self._spend(order_id, "void", refusal)
            raise GatewayTimeoutError(
                f"the authorisation of {order_id} waits for its customer and cannot be cancelled"
            ) from None
        return _declined(AUTHENTICATION_REQUIRED)

    def _prepare(self, intent: Intent) -> PaymentIntent | None:
        """Return the order's PaymentIntent, made if it is missing, or None if a void was first.

        Raises AmountRefusedError before Stripe is called, and StripeRefusedError.
        """
        prepared = self.ledger.find(intent.order_id, "intent")
        if prepared is not None:
            return self._retrieve(require_same_total(prepared, intent.total)["reference"])
        form: dict[str, str | int] = {
            "amount": stripe_amount(intent.total),
            "currency": intent.total.currency.lower(),
            "payment_method": intent.payment_token,
            "payment_method_types[0]": "card",
            "capture_method": "manual",
            "metadata[order_id]": intent.order_id,
        }
        made = cast(PaymentIntent, self._post(intent.order_id, "intent", "/v1/payment_intents", form))
        record: Outcome = {"reference": made["id"], "outcome": PREPARED}
        refused = self.ledger.write(
            self.ledger.record(intent.order_id, "intent", **intent.total.as_dict(), **record),
            self.ledger.check(intent.order_id, "void", "attribute_not_exists(pk)"),
        )
        if 0 in refused:  # another call was faster: only its PaymentIntent is ever confirmed
            return self._retrieve(require_same_total(refused[0], intent.total)["reference"])
        return None if refused else made

    def _capture(self, intent: Intent) -> Outcome:
        prepared = self.ledger.find(intent.order_id, "intent")
        if prepared is None:
            raise NothingAuthorizedError(f"nothing is authorised for {intent.order_id}")
        is_part = require_at_least(prepared, intent.total)["amount"] > intent.total.amount
        reference = prepared["reference"]
        found = self._retrieve(reference)
        reason = "not_authorized"
        if found["status"] == "requires_capture":
            try:
                part = {"amount_to_capture": stripe_amount(intent.total)} if is_part else {}
                found = self._act(intent.order_id, "capture", reference, "capture", part)
            except AmountRefusedError as refusal:
                reason = refusal.reason
            except StripeRefusedError as refusal:
                found, reason = self._retrieve(reference), _word(refusal.reason, refusal.kind, REQUEST_REFUSED)
                is_about_us = found["status"] == "requires_capture" and not _ends_capture(refusal)
                if is_about_us or found["status"] not in CAPTURE_ENDS:
                    self._spend(intent.order_id, "capture", refusal)
                if is_about_us:
                    raise _misconfigured(refusal) from None
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
        """Cancel the PaymentIntent unless it has ended; return its last status, `canceled` or `succeeded`."""
        if found["status"] not in ("canceled", "succeeded"):
            try:
                found = self._act(order_id, "void", found["id"], "cancel")
            except StripeRefusedError as refusal:
                self._spend(order_id, "void", refusal)
                found = self._retrieve(found["id"])
        if found["status"] not in ("canceled", "succeeded"):
            raise GatewayTimeoutError(f"the payment of {order_id} is {found['status']} and cannot be cancelled yet")
        return found["status"]

    def _refund(self, intent: Intent, attempt: int) -> Outcome:
        prepared = self.ledger.find(intent.order_id, "intent")
        before = self.ledger.find(intent.order_id, "capture" if attempt == 1 else refund_of(attempt - 1))
        expected = "CAPTURED" if attempt == 1 else "REFUND_REFUSED"
        if prepared is None or before is None or before["outcome"] != expected:
            raise NothingToRefundError(f"refund {attempt} of {intent.order_id} needs a record before it that is {expected}")
        require_same_total(before, intent.total)
        reference = prepared["reference"]
        found = _attempted(self._refunds(reference), attempt)
        if found is None:
            form = {"payment_intent": reference, "metadata[attempt]": str(attempt)}
            try:
                found = cast(Refund, self._post(intent.order_id, refund_of(attempt), "/v1/refunds", form))
            except StripeRefusedError as refusal:
                if refusal.reason == NOT_FOUND:
                    raise _misconfigured(refusal) from None
                if refusal.reason != ALREADY_REFUNDED:
                    return {"outcome": "REFUND_REFUSED", "reason": _word(refusal.reason, refusal.kind, REQUEST_REFUSED)}
                found = _refund_of_the_rest(self._refunds(reference), attempt)
                if found["status"] != "succeeded":
                    self._spend(intent.order_id, refund_of(attempt), refusal)
        match found["status"]:
            case "succeeded":
                return {"outcome": "REFUNDED"}
            case status if status in NOTHING_BACK:
                return {"outcome": "REFUND_REFUSED", "reason": _word(found.get("failure_reason"), found["status"])}
            case status:
                raise GatewayTimeoutError(f"refund {attempt} of {intent.order_id} is {status}")

    def _refunds(self, reference: str) -> list[Refund]:
        try:
            return cast(list[Refund], self.api.get("/v1/refunds", payment_intent=reference, limit="100")["data"])
        except StripeRefusedError as refusal:
            raise _misconfigured(refusal) from None

    def _retrieve(self, reference: str) -> PaymentIntent:
        """Return the PaymentIntent that the ledger names.

        Raises GatewayMisconfiguredError if Stripe does not have it: the key is of another account or mode.
        """
        try:
            return cast(PaymentIntent, self.api.get(f"/v1/payment_intents/{reference}", **CHARGE))
        except StripeRefusedError as refusal:
            raise _misconfigured(refusal) from None

    def _act(
        self, order_id: str, operation: str, reference: str, act: str, form: Mapping[str, str | int] | None = None
    ) -> PaymentIntent:
        return cast(PaymentIntent, self._post(order_id, operation, f"/v1/payment_intents/{reference}/{act}", form))

    def _post(self, order_id: str, operation: str, path: str, form: Mapping[str, str | int] | None = None) -> StripeObject:
        """Post under the operation's current idempotency key. A repeatable response that is no outcome spends the key."""
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
        """Spend the key of a refusal that is no outcome. An outcome keeps its key, so a parallel call gets the same outcome."""
        self.ledger.spend_key(order_id, operation, refusal.spent)

    def _decline(self, order_id: str, operation: str, refusal: StripeRefusedError) -> Outcome:
        """Return the decline of a payment that Stripe will never take.

        Raises GatewayMisconfiguredError if Stripe refuses the form of the request and not this payment.
        """
        if refusal.status == REQUEST_FAILED:
            return _declined(_word(refusal.reason, CARD_DECLINED))
        reason = DECLINE_REASONS.get(refusal.reason) or DECLINE_REASONS_BY_PARAMETER.get(refusal.parameter)
        if reason is None and (refusal.status != 400 or refusal.reason or refusal.parameter):
            self._spend(order_id, operation, refusal)
            raise _misconfigured(refusal) from None
        return _declined(reason or REQUEST_REFUSED)


def _ends_capture(refusal: StripeRefusedError) -> bool:
    return refusal.kind == CARD_ERROR or refusal.reason in CAPTURE_REFUSALS


def _attempted(refunds: list[Refund], attempt: int) -> Refund | None:
    return next((refund for refund in refunds if (refund.get("metadata") or {}).get("attempt") == str(attempt)), None)


def _refund_of_the_rest(refunds: list[Refund], attempt: int) -> Refund:
    """Return the refund after which nothing is left to refund: this attempt's after a lost response, or one made by hand."""
    under_way = [refund for refund in refunds if refund["status"] not in ("succeeded", *NOTHING_BACK)]
    if _attempted(refunds, attempt) or under_way:
        return _attempted(refunds, attempt) or under_way[0]
    if refunds and all(refund["status"] in NOTHING_BACK for refund in refunds):
        return {"status": "not known yet"}  # the refusal was a repeat of an older response
    return {"status": "succeeded"}


def _misconfigured(refusal: StripeRefusedError) -> GatewayMisconfiguredError:
    return GatewayMisconfiguredError(str(refusal))


def _capture_deadline(found: PaymentIntent) -> Outcome:
    """Return `capture_before` of the PaymentIntent's charge, if Stripe states it.

    See https://docs.stripe.com/payments/extended-authorization.
    """
    charge = found.get("latest_charge")
    details: MethodDetails = (charge.get("payment_method_details") or {}) if isinstance(charge, dict) else {}
    card: Card = details.get("card") or {}
    seconds = card.get("capture_before")
    return {"capture_before": clock.rfc3339(datetime.fromtimestamp(seconds, UTC))} if isinstance(seconds, int) else {}


def _word(*given: str | None) -> str:
    """Return the first word of Stripe's that an event may have as its reason. The last one is a word of ours."""
    return next((text for text in given[:-1] if text and REASON.fullmatch(text)), given[-1] or "")


def _declined(reason: str) -> Outcome:
    return {"outcome": "DECLINED", "reason": reason}
