"""The world of the real adapters: Stripe's and EasyPost's own rules beyond the network, spoken to over simulated HTTPS.

The test servers of the unit tests answer, without their sockets. So Stripe repeats its first answer under an idempotency
key, even an HTTP 500, and EasyPost sells a label even if the caller has given up.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, ReadTimeoutError

from simulation.engine.dynamodb import RefusalError
from simulation.engine.faults import Kind, Mode
from simulation.engine.network import Network, UnansweredError, UnreachedError
from simulation.engine.scheduler import SECOND
from simulation.stage.gateway import RemoteCarrier
from simulation.stage.providers import easypost_server, http_server, stripe_server
from simulation.stage.providers.easypost_server import EasyPost
from simulation.stage.providers.stripe_server import Stripe
from simulation.stage.statements import Statements

STRIPE_URL: Final = "https://stripe.example"
EASYPOST_URL: Final = "https://easypost.example"
CONNECT_SECONDS: Final = 1.0
LATENCY: Final = 20
"""How many times longer than a call inside AWS one across the internet takes, to an API that asks a bank or a carrier."""
LONGEST_LATENCY: Final = 9 * SECOND // 10
POLL_INTERVAL: Final = timedelta(minutes=10)
"""Not EasyPost's six hours: a world comes to rest when every parcel is delivered."""
TRANSIT: Final = 60 * SECOND
HOLD_SECONDS: Final = 7 * 24 * 3600
"""How long an authorisation can be captured, as Stripe says it of most cards."""
REFUND_FAILS: Final = "pm_card_refundFail"
REFUND_PENDS: Final = "pm_card_pendingRefund"
TOKENS: Final = (
    ("pm_card_visa", 60.0),
    (REFUND_FAILS, 12.0),
    (REFUND_PENDS, 8.0),
    ("pm_card_chargeDeclined", 5.0),
    ("pm_card_chargeDeclinedInsufficientFunds", 3.0),
    ("pm_card_authenticationRequired", 5.0),
    ("pm_nobody_knows", 3.0),
)
STRIPE_WEBHOOK_SECRET: Final = "shared-with-stripe"
Answer = tuple[int, Any, Mapping[str, str]]


@dataclass
class StripeAccount(Stripe):
    """Stripe's test server in simulated time; its cards' refunds fail when first attempted, or are pending for a while."""

    seconds: Callable[[], int] = lambda: 0
    cards: dict[str, str] = field(default_factory=dict)
    """By order, the payment method."""

    def create(self, form: dict[str, str]) -> http_server.Answer:
        """As Stripe; the cards whose refunds go wrong are otherwise as any."""
        known = {**form, "payment_method": "pm_card_visa"} if form["payment_method"] in (REFUND_FAILS, REFUND_PENDS) else form
        self.cards[form["metadata[order_id]"]] = form["payment_method"]
        return super().create(known)

    def done(self, method: str, path: str, form: dict[str, str]) -> http_server.Answer:
        """As Stripe, with an authorisation that ends seven days from now; a pending refund is through when it is listed."""
        status, said, *_ = super().done(method, path, form)
        charge = said.get("latest_charge") if isinstance(said, dict) else None
        if isinstance(charge, dict):
            charge["payment_method_details"]["card"]["capture_before"] = self.seconds() + HOLD_SECONDS
        if method == "GET" and path.endswith("/refunds"):
            for refund in said["data"]:
                refund["status"] = "succeeded" if refund["status"] == "pending" else refund["status"]
        return status, said

    def give_back(self, form: dict[str, str]) -> http_server.Answer:
        """As Stripe."""
        intent = self.intents[form["payment_intent"]]
        first = all(refund["payment_intent"] != intent["id"] for refund in self.refunds.values())
        card = self.cards[intent["metadata"]["order_id"]]
        self.refund_status = ("succeeded", None)
        if first and card == REFUND_FAILS:
            self.refund_status = ("failed", "expired_or_canceled_card")
        elif card == REFUND_PENDS:
            self.refund_status = ("pending", None)
        return super().give_back(form)

    def held(self, order_id: str) -> int:
        """How many authorisations of the order keep money aside."""
        return sum(intent["status"] in ("requires_capture", "processing") for intent in self._of(order_id))

    def taken(self, order_id: str) -> list[int]:
        """Return the amount of each capture of the order."""
        return [intent["amount_received"] for intent in self._of(order_id) if intent["status"] == "succeeded"]

    def given_back(self, order_id: str) -> int:
        """Return the amount that was refunded, or is being refunded."""
        ids = {intent["id"] for intent in self._of(order_id)}
        back = [refund for refund in self.refunds.values() if refund["payment_intent"] in ids]
        return sum(refund["amount"] for refund in back if refund["status"] in ("succeeded", "pending"))

    def order_of(self, path: str, form: Mapping[str, str], key: str) -> str:
        """Return the order that a request is about."""
        if key:
            return key.partition("/")[0]
        intent_id = form.get("payment_intent") or path.split("/")[3]
        return str(self.intents.get(intent_id, {}).get("metadata", {}).get("order_id", "?"))

    def _of(self, order_id: str) -> list[dict[str, Any]]:
        return [intent for intent in self.intents.values() if intent["metadata"]["order_id"] == order_id]


class EasyPostAccount(EasyPost):
    """EasyPost's test server in simulated time, which delivers every parcel a minute after its label is bought."""

    def __init__(self, now: Callable[[], int], statements: Statements, fail: Callable[[str, str], None]) -> None:
        super().__init__()
        self.now = now
        self.statements = statements
        self.fail = fail
        self.bought: dict[str, int] = {}
        """By shipment, when its label was bought."""

    def done(self, method: str, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> http_server.Answer:
        """As EasyPost, which does not go to Antarctica."""
        if method == "POST" and path == "/v2/shipments" and body["shipment"]["to_address"]["country"] == "AQ":
            return 422, {"error": {"code": "ADDRESS.VERIFY.FAILURE", "message": "Unable to verify address."}}
        answer = super().done(method, path, headers, body)
        if path.endswith("/refund"):
            shipment = self.shipments[path.split("/")[3]]
            RemoteCarrier.has.discard(shipment["reference"])
        for shipment_id, at in self.bought.items():
            if self.now() >= at + TRANSIT:
                self.shipments[shipment_id]["tracker"]["status"] = "delivered"
        return answer

    def buy(self, shipment: dict[str, Any], rate_id: str) -> http_server.Answer:
        """Answer as EasyPost. Check that an order has one label, apart from refunded ones."""
        answer = super().buy(shipment, rate_id)
        if answer[0] == 200:
            self.bought[shipment["id"]] = self.now()
            RemoteCarrier.has.add(shipment["reference"])
            if len(self.labels_of(shipment["reference"])) > 1:
                self.fail("one_shipment_per_order", f"two labels were bought for {shipment['reference']}")
        return answer

    def labels_of(self, order_id: str) -> list[str]:
        """Return the shipments of the order whose labels are bought and kept."""
        return [
            shipment_id
            for shipment_id in self.bought
            if self.shipments[shipment_id]["reference"] == order_id and self.shipments[shipment_id]["refund_status"] is None
        ]

    def order_of(self, path: str, body: Mapping[str, Any]) -> str:
        """Return the order that a request is about."""
        parts = path.split("/")
        shipment = body.get("shipment") or (self.shipments.get(parts[3]) if len(parts) > 3 else None) or {}
        return str(shipment.get("reference", "?"))

    def check(self, order_id: str, path: str, body: Mapping[str, Any], invocation: str) -> None:
        """Compare the request with the order and the contact."""
        if path == "/v2/shipments":
            address = body["shipment"]["to_address"]
            self.statements.addressed(order_id, address["name"], address["street1"], address["country"], invocation)
        elif path.endswith("/buy"):
            self.statements.booked(order_id, invocation)


@dataclass(frozen=True)
class Accounts:
    """The accounts of one world."""

    stripe: StripeAccount
    easypost: EasyPostAccount


@dataclass(frozen=True)
class Reply:
    """A response as urllib3 gives it to an adapter."""

    status: int
    data: bytes
    headers: Mapping[str, str]


class RemoteHttp:
    """A `urllib3.PoolManager` whose requests go through the world's network, to the world's accounts."""

    network: ClassVar[Network]
    accounts: ClassVar[Accounts]

    def __init__(self, read_seconds: float) -> None:
        self.patience = CONNECT_SECONDS + read_seconds

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: str | None = None,
        json: object = None,
        timeout: urllib3.Timeout | None = None,
    ) -> Reply:
        """One request, once. Raises what urllib3 raises."""
        network = self.network
        task = network.scheduler.current
        assert task is not None
        where = urlsplit(url)
        path = where.path + (f"?{where.query}" if where.query else "")
        order_id, answer, fails = self._ask(method, url, path, urllib3.HTTPHeaderDict(headers), body, json, task.name)
        boundary = task.numbered(f"{where.hostname} {method} {where.path} {order_id}")
        is_refund = where.path.endswith("/refunds") and method == "POST"
        mode, latency = network.draw(boundary, Kind.REFUND if is_refund else Kind.GATEWAY)
        latency = min(latency * LATENCY, LONGEST_LATENCY)
        patience = self.patience if timeout is None else float(timeout.total or self.patience)  # type: ignore[arg-type]
        if mode in (Mode.SERVER_ERROR, Mode.THROTTLED):
            network.history.add(network.scheduler.now, f"FAULT {mode}: {boundary}")
            network.scheduler.sleep(latency)
            return _reply(fails(boundary) if mode is Mode.SERVER_ERROR else (429, _error("rate_limit"), {}))
        try:
            return _reply(network.attempt(boundary, mode, latency, answer, patience))
        except (UnreachedError, RefusalError):
            raise ConnectTimeoutError(None, url, "no connection") from None
        except UnansweredError:
            raise ReadTimeoutError(None, url, "no answer") from None  # type: ignore[arg-type]

    def _ask(
        self, method: str, url: str, path: str, headers: Mapping[str, str], body: str | None, said: object, invocation: str
    ) -> tuple[str, Callable[[], Answer], Callable[[str], Answer]]:
        """Return the order that it is about, how it is answered, and how it fails by an HTTP 500."""
        if url.startswith(STRIPE_URL):
            stripe, text = self.accounts.stripe, body or ""
            form = dict(parse_qsl(text if method == "POST" else urlsplit(path).query))
            order_id = stripe.order_of(urlsplit(path).path, form, headers.get("Idempotency-Key", ""))

            def answer() -> Answer:
                return _whole(stripe.answer(method, path, headers, text))

            def fails(boundary: str) -> Answer:
                if method == "POST":
                    before = self.network.chance.bits(f"before {boundary}") % 2 == 0
                    stripe.faults.append(stripe_server.Fault(urlsplit(path).path, 500, before))
                    return answer()
                return 500, _error("api_error"), {}

            return order_id, answer, fails
        easypost = self.accounts.easypost
        sent = said if isinstance(said, dict) else {}
        order_id = easypost.order_of(path, sent)
        if method == "POST":
            easypost.check(order_id, path, sent, invocation)

        def answer_of_easypost() -> Answer:
            return _whole(easypost.answer(method, path, headers, json.dumps(sent)))

        def fails_at_easypost(boundary: str) -> Answer:
            if self.network.chance.bits(f"before {boundary}") % 2:
                answer_of_easypost()
            return 500, _error("INTERNAL_SERVER_ERROR"), {}

        return order_id, answer_of_easypost, fails_at_easypost


def stand_up(network: Network, statements: Statements, epoch_seconds: int, fail: Callable[[str, str], None]) -> Accounts:
    """Return a world's accounts, and let every `RemoteHttp` reach them."""
    scheduler = network.scheduler
    stripe = StripeAccount(STRIPE_URL, seconds=lambda: epoch_seconds + scheduler.now // SECOND)
    RemoteHttp.network = network
    RemoteHttp.accounts = Accounts(stripe, EasyPostAccount(lambda: scheduler.now, statements, fail))
    return RemoteHttp.accounts


def secrets() -> Mapping[str, str]:
    """Return the functions' secrets, by the end of their ARNs."""
    return {
        "stripe-api-key": stripe_server.API_KEY,
        "stripe-webhook-secret": STRIPE_WEBHOOK_SECRET,
        "easypost-api-key": easypost_server.API_KEY,
        "easypost-webhook": easypost_server.WEBHOOK_SECRET,
    }


def _whole(answer: http_server.Answer | None) -> Answer:
    assert answer is not None, "no fault is set that leaves a request without an answer"
    return (answer[0], answer[1], {}) if len(answer) == 2 else answer


def _reply(answer: Answer) -> Reply:
    status, said, headers = answer
    return Reply(status, json.dumps(said).encode(), headers)


def _error(kind: str) -> dict[str, Any]:
    return {"error": {"type": kind, "code": kind, "message": "try again"}}


__all__ = ["POLL_INTERVAL", "TOKENS", "Accounts", "RemoteHttp", "secrets", "stand_up"]
