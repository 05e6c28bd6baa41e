"""Stripe as its documentation describes it, on loopback: PaymentIntents captured later, refunds, idempotency keys, and faults.

- A PaymentIntent's states: https://docs.stripe.com/payments/paymentintents/lifecycle
- Keys: the first answer under a key is repeated for a day, even an HTTP 500; other parameters under it are refused. A key whose
  request is at work is a conflict. A request that is refused before it begins leaves no key: https://docs.stripe.com/api/idempotent_requests
- Refunds: a charge gives back the captured amount and no more, in one refund or several: https://docs.stripe.com/refunds
- Whether to repeat: `Stripe-Should-Retry`, `Retry-After`: https://docs.stripe.com/error-low-level
- Test payment methods: https://docs.stripe.com/testing
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from simulation.stage.providers.http_server import Answer

API_KEY = "sk_test_of_the_test"
DECLINED = {
    "pm_card_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", None),
}
REQUIRES_ACTION = "pm_card_authenticationRequired"
OF_THE_OTHER_MODE = "pm_1LiveMode"
KNOWN = {"pm_card_visa", REQUIRES_ACTION, *DECLINED}
SMALLEST = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50}
UNSUPPORTED = {"kpw", "irr"}
THREE_DECIMAL = {"bhd", "jod", "kwd", "omr", "tnd"}
CAPTURE_BEFORE = 1_795_000_000
"""Until when an authorisation can be captured: 2026-11-18, as seconds since 1970."""
Form = dict[str, str]


@dataclass
class Fault:
    """How the next post whose path ends so goes wrong: `before` it is carried out, or after.

    Answered by `status` under the request's key as any other; without one the caller hears nothing.
    """

    end: str
    status: int | None = None
    before: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "api_error"
    code: str = ""


@dataclass
class Stripe:
    """The account: its PaymentIntents and refunds by id, the answers by key, and the next faults."""

    url: str = ""
    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, tuple[str, Form, Answer]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    refund_status: tuple[str, str | None] = ("succeeded", None)
    refund_error: str | None = None
    refunds_known: bool = True
    """False while the account that is asked is another's, which has no payment of ours."""

    def forget_keys(self) -> None:
        """Forget the idempotency keys, as Stripe does after a day."""
        self.keys.clear()

    def expire(self, intent_id: str, reason: str = "automatic") -> None:
        """Expire an authorisation that was not captured within seven days."""
        self.intents[intent_id] |= {"status": "canceled", "cancellation_reason": reason}

    def refund_by_hand(self, intent_id: str, amount: int, status: str = "succeeded") -> dict[str, Any]:
        """Refund by hand, as at Stripe's dashboard."""
        refunded = self.give_back({"payment_intent": intent_id, "amount": str(amount)})
        assert refunded[0] == 200
        self.refunds[refunded[1]["id"]] |= {"status": status}
        return self.refunds[refunded[1]["id"]]

    @property
    def captured(self) -> int:
        """The captured amount, in minor units."""
        return sum(intent["amount_received"] for intent in self.intents.values())

    @property
    def refunded(self) -> int:
        """The refunded amount."""
        return sum(refund["amount"] for refund in self.refunds.values() if refund["status"] == "succeeded")

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Answer | None:
        if headers.get("Authorization") != f"Bearer {API_KEY}":
            return error(401, "invalid_request_error", "")
        where = urlsplit(path)
        self.requests.append(f"{method} {where.path}")
        fault = next((fault for fault in self.faults if method == "POST" and where.path.endswith(fault.end)), None)
        if fault:
            self.faults.remove(fault)
        form = dict(parse_qsl(body if method == "POST" else where.query))
        key = headers.get("Idempotency-Key", "") if method == "POST" else ""
        if fault and fault.before and fault.status in (None, 409, 429):
            return (
                None if fault.status is None else (*error(fault.status, "invalid_request_error", "lock_timeout"), fault.headers)
            )
        said = self.under_key(key, method, where.path, form, fault)
        return None if fault and fault.status is None else said

    def under_key(self, key: str, method: str, path: str, form: Form, fault: Fault | None) -> Answer:
        if key in self.keys:
            known_path, known_form, answer = self.keys[key]
            return answer if (known_path, known_form) == (path, form) else error(400, "idempotency_error", "")
        begun = True
        answer = self.done(method, path, form) if not (fault and fault.before) else (500, {})
        if path.endswith("/payment_intents") and answer[0] == 400:
            begun = False  # its parameters are refused: nothing was begun
        if fault and fault.status:
            begun, answer = True, (*error(fault.status, fault.kind, fault.code), fault.headers)
        if key and begun:
            self.keys[key] = (path, form, answer)
        return answer

    def done(self, method: str, path: str, form: Form) -> Answer:
        match [method, *path.split("/")[2:]]:
            case ["POST", "payment_intents"]:
                return self.create(form)
            case ["POST", "refunds"]:
                return self.give_back(form)
            case ["GET", "refunds"]:
                if not self.refunds_known:
                    return error(400, "invalid_request_error", "resource_missing", "payment_intent")
                found = [refund for refund in self.refunds.values() if refund["payment_intent"] == form["payment_intent"]]
                return 200, {"object": "list", "data": found, "has_more": False}
            case [_, "payment_intents", intent_id, *operation]:
                intent = self.intents.get(intent_id)
                if intent is None:
                    return error(404, "invalid_request_error", "resource_missing")
                if operation == ["capture"]:
                    done = capture(intent, int(form.get("amount_to_capture", intent["amount"])))
                else:
                    done = {"": lambda _: (200, dict(intent)), "confirm": confirm, "cancel": cancel}["".join(operation)](intent)
                if done[0] == 200 and done[1]["latest_charge"] and form.get("expand[0]") != "latest_charge":
                    done[1]["latest_charge"] = done[1]["latest_charge"]["id"]
                return done
        raise AssertionError(f"{method} {path} is not Stripe's")

    def create(self, form: Form) -> Answer:
        assert form["capture_method"] == "manual"
        if form["payment_method"] == OF_THE_OTHER_MODE:
            what = "No such PaymentMethod: 'pm_1LiveMode'; a similar object exists in live mode, but a test mode key was used"
            return error(400, "invalid_request_error", "resource_missing", "payment_method", f"{what} to make this request.")
        if form["payment_method"] not in KNOWN:
            return error(400, "invalid_request_error", "resource_missing", "payment_method")
        if form["currency"] in UNSUPPORTED:
            return error(400, "invalid_request_error", "", "currency")
        if form["currency"] in THREE_DECIMAL and int(form["amount"]) % 10:
            return error(400, "invalid_request_error", "invalid_charge_amount_no_decimal_compatible", "amount")
        if int(form["amount"]) < SMALLEST.get(form["currency"], 1):
            return error(400, "invalid_request_error", "amount_too_small", "amount")
        intent_id = f"pi_{len(self.intents) + 1}"
        self.intents[intent_id] = {
            "id": intent_id,
            "amount": int(form["amount"]),
            "amount_received": 0,
            "currency": form["currency"],
            "payment_method": form["payment_method"],
            "status": "requires_confirmation",
            "cancellation_reason": None,
            "latest_charge": None,
            "last_payment_error": None,
            "metadata": {"order_id": form["metadata[order_id]"]},
        }
        return 200, dict(self.intents[intent_id])

    def give_back(self, form: Form) -> Answer:
        intent = self.intents[form["payment_intent"]]
        if self.refund_error:
            return error(400, "invalid_request_error", self.refund_error)
        assert intent["status"] == "succeeded"
        before = [refund for refund in self.refunds.values() if refund["payment_intent"] == intent["id"]]
        back = sum(refund["amount"] for refund in before if refund["status"] in ("succeeded", "pending"))
        left = intent["amount_received"] - back
        if not left:
            return error(400, "invalid_request_error", "charge_already_refunded")
        status, reason = self.refund_status
        attempt = form.get("metadata[attempt]")
        refund = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": int(form.get("amount", left)),
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "metadata": {"attempt": attempt} if attempt else {},
            "status": status,
            "failure_reason": reason,
        }
        self.refunds[refund["id"]] = refund
        return 200, dict(refund)


def confirm(intent: dict[str, Any]) -> Answer:
    if intent["status"] != "requires_confirmation":
        return error(400, "invalid_request_error", "payment_intent_unexpected_state")
    if intent["payment_method"] in DECLINED:
        code, decline_code = DECLINED[intent["payment_method"]]
        why = {"type": "card_error", "code": code, "message": "Elizabeth's card", "decline_code": decline_code}
        intent |= {"status": "requires_payment_method", "last_payment_error": why}
        return 402, {"error": why}
    card = {"type": "card", "card": {"brand": "visa", "capture_before": CAPTURE_BEFORE}}
    intent["latest_charge"] = {"id": intent["id"].replace("pi_", "ch_"), "object": "charge", "payment_method_details": card}
    intent["status"] = "requires_action" if intent["payment_method"] == REQUIRES_ACTION else "requires_capture"
    return 200, dict(intent)


def capture(intent: dict[str, Any], amount: int) -> Answer:
    if intent["status"] != "requires_capture":
        return error(400, "invalid_request_error", "payment_intent_unexpected_state")
    if not 0 < amount <= intent["amount"]:
        return error(400, "invalid_request_error", "amount_too_large")
    if amount < SMALLEST.get(intent["currency"], 1):
        return error(400, "invalid_request_error", "amount_too_small")
    if intent["currency"] in THREE_DECIMAL and amount % 10:
        return error(400, "invalid_request_error", "invalid_charge_amount_no_decimal_compatible")
    intent |= {"status": "succeeded", "amount_received": amount}
    return 200, dict(intent)


def cancel(intent: dict[str, Any]) -> Answer:
    if intent["status"] in ("succeeded", "canceled", "processing"):
        return error(400, "invalid_request_error", "payment_intent_unexpected_state")
    intent |= {"status": "canceled", "cancellation_reason": "requested_by_customer"}
    return 200, dict(intent)


def error(status: int, kind: str, code: str, param: str = "", message: str = "") -> tuple[int, Any]:
    """Return an error as Stripe writes it. Its message may name a person."""
    said = {"type": kind, "message": message or "Elizabeth Swan of 179 N Harbor Dr"}
    return status, {"error": said | ({"code": code} if code else {}) | ({"param": param} if param else {})}
