"""Stripe's webhook: it records what happens to a payment at Stripe later, without a request of ours.

Stripe delivers an event at least once, in any order, for three days (https://docs.stripe.com/webhooks). An event that is known
already changes nothing.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from kernel import clock, logs, outside_json, problem_details, webhooks
from kernel.aggregate_store import Causation
from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from kernel.identifiers import ORDER_ID
from kernel.invalid_request import InvalidRequestError
from kernel.logs import logger
from kernel.metrics import count
from kernel.money import Money, MoneyDict
from kernel.secrets import Secrets
from kernel.settings import from_environment
from kernel.webhooks import InvalidSignatureError
from services.payment.domain import decisions, states
from services.payment.domain.gateway import Dispute, GatewayFaultError, OutsideRefund
from services.payment.domain.model import DisputeDecision, DisputeRow, PaymentRow
from services.payment.gateways.factory import stripe_api_of
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.stripe_api import StripeApi, StripeObject, StripeRefusedError
from services.payment.gateways.stripe_currencies import money_of
from services.payment.storage.table import Disputes, OutsideRefunds, Payments
from services.payment.use_cases.processor import count_misconfigurations

SIGNATURE: Final = "stripe-signature"
LONGEST_REASON: Final = 100
"""The longest reason of a dispute, in characters, as in the schema of PaymentDisputed."""
DISPUTE_ENDS: Final = frozenset({"won", "lost", "prevented", "warning_closed"})
"""Statuses in which a dispute is over. Of one that was prevented, the customer has the money back."""
RELEASED_BY_STRIPE: Final = frozenset({"automatic", "expired", "failed_invoice", "void_invoice"})
"""Reasons of a cancellation that Stripe itself gives (https://docs.stripe.com/api/payment_intents/object)."""
RELIED_ON: Final = (states.AUTHORIZED, states.CAPTURING)
"""Statuses in which a payment's money must still be set aside."""
NEVER_CAPTURED: Final = (states.AUTHORIZING, states.AUTHORIZED, states.DECLINED, states.VOIDING, states.VOIDED)
NOTHING_BACK: Final = frozenset({"failed", "canceled"})
"""A refund's states in which the customer gets nothing back."""


@dataclass(frozen=True)
class WebhookSettings:
    """The payments' table, the gateway's ledger, and the ARN of the secret by which Stripe signs."""

    table_name: str
    ledger_table_name: str
    stripe_webhook_secret_arn: str


@dataclass(frozen=True)
class StripeWebhook:
    """The effect of each of Stripe's events. Each method takes the event's object and returns the `outcome`.

    RECORDED: a new item with its event. UNCHANGED: recorded already. COUNTED: a metric with an alarm. IGNORED: no effect. `api`
    is of the account that sends the events. The methods raise GatewayFaultError if Stripe does not answer a query.

    Anyone who works in the account can make a PaymentIntent with an order's id in its metadata. An order's own is the one that
    the ledger names.
    """

    payments: Payments
    ledger: Ledger
    disputes: Disputes
    refunds: OutsideRefunds
    api: StripeApi

    def count_unknown(self, _: StripeObject) -> str:
        """Count an event that the endpoint at Stripe sends although it has no effect here: IGNORED."""
        count("WebhookEventsUnknown", 1)
        return "IGNORED"

    def ignore(self, _: StripeObject) -> str:
        """Ignore the result of a call of ours, which is known from its response: IGNORED."""
        return "IGNORED"

    def open_dispute(self, dispute: StripeObject) -> str:
        """Record that a customer contests a payment, once, with its event and its alarm."""
        return self._record_dispute(dispute, decisions.open_dispute)

    def close_dispute(self, dispute: StripeObject) -> str:
        """Record the card network's decision, once, with its event. A dispute that was not known before has its alarm too."""
        return self._record_dispute(dispute, decisions.close_dispute)

    def update_dispute(self, dispute: StripeObject) -> str:
        """Record the dispute by its status, in case the event of its opening or closing is late or lost."""
        return self.close_dispute(dispute) if dispute["status"] in DISPUTE_ENDS else self.open_dispute(dispute)

    def count_canceled(self, intent: StripeObject) -> str:
        """Count money that Stripe released, or that was released by hand while its order relies on it.

        Our own void has no effect: its item says so before Stripe gets the request.
        """
        is_by_stripe = intent.get("cancellation_reason") in RELEASED_BY_STRIPE
        return self._count(
            "AuthorizationExpired", self._payment_of(self._order_of_intent(intent)), () if is_by_stripe else RELIED_ON
        )

    def count_expired(self, charge: StripeObject) -> str:
        """Count an authorisation that ended before its capture."""
        return self._count("AuthorizationExpired", self._payment_of(self._order_of(charge)))

    def count_late_failure(self, intent: StripeObject) -> str:
        """Count a payment that failed although it counts as authorised or captured. A declined card is known already."""
        relied_on = (states.AUTHORIZED, states.CAPTURING, states.CAPTURED)
        return self._count("PaymentFailedLate", self._payment_of(self._order_of_intent(intent)), relied_on)

    def count_capture(self, intent: StripeObject) -> str:
        """Count a capture that was made at Stripe by hand, also of another amount or PaymentIntent than ours. Our own has no
        effect.
        """
        order_id, received = _named_order(intent), _received(intent)
        payment = self._payment_of(order_id)
        is_other_amount = payment is not None and received is not None and received != payment.get("total")
        is_other = is_other_amount or self._order_of_intent(intent) is None
        return self._count("CapturedOutside", payment, () if is_other else NEVER_CAPTURED)

    def count_failed_refund(self, refund: StripeObject) -> str:
        """Count a refund that did not reach the customer: an operator must send the money again."""
        return self._count("RefundFailedLate", self._payment_of(self._order_of(refund)))

    def update_refund(self, refund: StripeObject) -> str:
        """Record a refund that was made by hand, or count one that failed."""
        return self.count_failed_refund(refund) if refund.get("status") in NOTHING_BACK else self.record_refunds(refund)

    def record_refunds(self, about: StripeObject) -> str:
        """Record each refund of a charge that was made at Stripe by hand, once, with its alarm.

        Stripe is queried for the refunds, because the event may be late and a charge does not list them.
        """
        order_id = self._order_of(about)
        payment = self._payment_of(order_id)
        if order_id is None or payment is None or "total" not in payment:
            return "IGNORED"
        listed = self.api.get("/v1/refunds", payment_intent=str(about["payment_intent"]), limit="100")["data"]
        given = [refund for refund in listed if refund["status"] not in NOTHING_BACK]
        if not given:  # Stripe's list is behind the event
            return self._count("RefundedOutside", payment, (states.CAPTURED,))
        currency = payment["total"]["currency"]
        back = sum(money_of(int(refund["amount"]), currency).amount for refund in given)
        left = Money(max(0, payment["total"]["amount"] - back), currency)
        outcome = "UNCHANGED"
        for refund in given:
            if not (refund.get("metadata") or {}).get("attempt") and self._record_refund(payment, refund, left):
                _alarm("RefundedOutside", order_id)
                outcome = "RECORDED"
        return outcome

    def _record_dispute(
        self,
        about: StripeObject,
        decide: Callable[[DisputeRow | None, str, Dispute], DisputeDecision | None],
    ) -> str:
        order_id = self._order_of(about)
        payment = self._payment_of(order_id)
        if order_id is None or payment is None:
            return "IGNORED"
        amount, reason = money_of(int(about["amount"]), str(about["currency"])), str(about["reason"])
        if len(reason) > LONGEST_REASON:
            raise ValueError(f"reason: must have at most {LONGEST_REASON} characters")
        dispute = Dispute(str(about["id"]), amount, reason, won=about["status"] in ("won", "warning_closed"))
        known = self.disputes.get(dispute.dispute_id)
        causation = Causation(payment["correlation_id"], f"stripe:{dispute.dispute_id}")
        after = self.disputes.create_or_apply(
            dispute.dispute_id,
            lambda row: decide(row, order_id, dispute),
            causation,
            seen=known,
            presume_absent=known is None,
        )
        if after == known:
            return "UNCHANGED"
        if known is None:
            _alarm("PaymentDisputed", order_id)
        return "RECORDED"

    def _record_refund(self, payment: PaymentRow, about: StripeObject, left: Money) -> bool:
        """Record a refund that was made by hand; return whether it is new."""
        refund = OutsideRefund(str(about["id"]), money_of(int(about["amount"]), left.currency), left)
        known = self.refunds.get(refund.refund_id)
        after = self.refunds.create_or_apply(
            refund.refund_id,
            lambda row: decisions.record_outside_refund(row, payment["order_id"], refund),
            Causation(payment["correlation_id"], f"stripe:{refund.refund_id}"),
            seen=known,
            presume_absent=known is None,
        )
        return after != known

    def _payment_of(self, order_id: str | None) -> PaymentRow | None:
        """Return the order's payment, or None if there is none. The lines of the log name its order from here on."""
        payment = self.payments.get(order_id) if order_id else None
        if payment is not None:
            logs.add(order_id=order_id)
            logs.follow(payment["correlation_id"])
        return payment

    def _order_of(self, about: StripeObject) -> str | None:
        """Return the order of a charge, a dispute or a refund, by its PaymentIntent; None if it is of another application."""
        reference = about.get("payment_intent")
        if not isinstance(reference, str) or not reference.isascii() or not reference.replace("_", "").isalnum():
            return None
        try:
            return self._order_of_intent(self.api.get(f"/v1/payment_intents/{reference}"))
        except StripeRefusedError:
            return None

    def _order_of_intent(self, intent: StripeObject) -> str | None:
        """Return the order that a PaymentIntent names, if it is that order's own; else None."""
        order_id = _named_order(intent)
        prepared = self.ledger.find(order_id, "intent") if order_id else None
        return order_id if prepared is not None and prepared["reference"] == intent.get("id") else None

    def _count(self, metric: str, payment: PaymentRow | None, statuses: Collection[str] = ()) -> str:
        """Count if there is a payment in one of the statuses, or in any without `statuses`: COUNTED or IGNORED."""
        if payment is None or (statuses and payment["status"] not in statuses):
            return "IGNORED"
        _alarm(metric, payment["order_id"])
        return "COUNTED"


def _named_order(intent: StripeObject) -> str | None:
    order_id = (intent.get("metadata") or {}).get("order_id")
    return order_id if isinstance(order_id, str) and ORDER_ID.fullmatch(order_id) else None


def _received(intent: StripeObject) -> MoneyDict | None:
    """Return the captured money of a PaymentIntent, or None if the event does not state it."""
    if "amount_received" not in intent:
        return None
    return money_of(int(intent["amount_received"]), str(intent["currency"])).as_dict()


def _alarm(metric: str, order_id: str) -> None:
    logger.error("Stripe event needs review", order_id=order_id, what=metric)
    count(metric, 1)


EFFECTS: Final[Mapping[str, Callable[[StripeWebhook, StripeObject], str]]] = {
    **dict.fromkeys(
        (
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.funds_reinstated",
        ),
        StripeWebhook.update_dispute,
    ),
    "charge.dispute.closed": StripeWebhook.close_dispute,
    "payment_intent.canceled": StripeWebhook.count_canceled,
    "payment_intent.payment_failed": StripeWebhook.count_late_failure,
    "payment_intent.succeeded": StripeWebhook.count_capture,
    "charge.expired": StripeWebhook.count_expired,
    "charge.refunded": StripeWebhook.record_refunds,
    **dict.fromkeys(("refund.created", "refund.updated", "charge.refund.updated"), StripeWebhook.update_refund),
    "refund.failed": StripeWebhook.count_failed_refund,
    **dict.fromkeys(
        (
            "payment_intent.created",
            "payment_intent.processing",
            "payment_intent.requires_action",
            "payment_intent.amount_capturable_updated",
            "charge.succeeded",
            "charge.captured",
            "charge.failed",
            "charge.updated",
        ),
        StripeWebhook.ignore,
    ),
}
"""The effect of each of Stripe's event types on payments (https://docs.stripe.com/api/events/types)."""


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of API Gateway's HTTP API, payload format 2.0, for `POST /webhooks/stripe`.

    It responds with 200 and the `outcome`, with 400 to a request that is malformed or that Stripe did not sign, and with 503 if
    Stripe must send it again.
    """
    settings, secrets = from_environment(WebhookSettings, environ), Secrets(clients).prepare()
    webhook = StripeWebhook(
        Payments(clients.dynamodb, settings.table_name),
        Ledger(clients.dynamodb, settings.ledger_table_name),
        Disputes(clients.dynamodb, settings.table_name),
        OutsideRefunds(clients.dynamodb, settings.table_name),
        stripe_api_of(clients, environ),
    )
    app = APIGatewayHttpResolver()
    app.not_found(problem_details.no_such_route("payment"))

    @app.post("/webhooks/stripe")
    def receive() -> Response[str]:
        event = app.current_event
        try:
            body = event.decoded_body or ""
            secret = secrets.read(settings.stripe_webhook_secret_arn)
            webhooks.verify(secret, event.headers.get(SIGNATURE, ""), body, clock.now())
            content = outside_json.read_object(body)
            kind, about = str(content["type"]), dict(content["data"]["object"])
            with count_misconfigurations():
                outcome = EFFECTS.get(kind, StripeWebhook.count_unknown)(webhook, about)
        except InvalidSignatureError as refusal:
            return _refuse("signature-invalid", str(refusal))
        except GatewayFaultError as fault:
            logger.warning("no response of Stripe to a query", fault=type(fault).__name__)
            return problem_details.retry_later("gateway-unavailable", 503, "Stripe does not respond to a query")
        except (ValueError, KeyError, TypeError, AttributeError):
            return _refuse("request-invalid", "the body must be a Stripe event, with the fields that its type has")
        logger.info("webhook answered", type=kind, outcome=outcome)
        return Response(200, "application/json", json.dumps({"outcome": outcome}))

    return app.resolve


def _refuse(name: str, detail: str) -> Response[str]:
    return problem_details.from_invalid_request(InvalidRequestError(name, 400, "", detail)).response()


handler = lambda_handler(bootstrap)
