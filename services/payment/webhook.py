"""Stripe's webhook: what happens to a payment later, when nobody of ours is asking.

Stripe delivers an event at least once, in any order, for three days (https://docs.stripe.com/webhooks). What is no news changes
nothing.
"""

import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from services.kernel import clock, outside_json, problems, webhooks
from services.kernel.identifiers import ORDER_ID
from services.kernel.money import Money
from services.kernel.problems import InvalidRequest
from services.kernel.rows import Cause, Change, Row
from services.kernel.secrets import secret
from services.kernel.webhooks import InvalidSignature
from services.payment import decisions, gateways, table
from services.payment.gateway import Dispute, GatewayFault
from services.payment.stripe_api import StripeApi, StripeRefused

logger = Logger()
metrics = Metrics(namespace="Orderflow")
app = APIGatewayHttpResolver()
SIGNATURE = "stripe-signature"
Object = dict[str, Any]


@cache
def api() -> StripeApi:
    """The account that the events are of."""
    return gateways.stripe_api()


@app.post("/webhooks/stripe")
def hear() -> Response[str]:
    """200 with the `outcome` RECORDED, UNCHANGED, COUNTED or IGNORED; 400 for what is not Stripe's; 503: tell it again."""
    event = app.current_event
    try:
        body = event.decoded_body or ""
        webhooks.verify(secret(os.environ["STRIPE_WEBHOOK_SECRET_ARN"]), event.headers.get(SIGNATURE, ""), body, clock.now())
        told = outside_json.read_object(body)
        kind, about = str(told["type"]), dict(told["data"]["object"])
        outcome = HEARD[kind](about) if kind in HEARD else "IGNORED"
    except InvalidSignature as refusal:
        return problems.of_invalid(InvalidRequest("signature-invalid", 400, "", str(refusal))).response()
    except GatewayFault as fault:
        logger.warning("Stripe cannot be asked about what it told", fault=type(fault).__name__)
        return problems.tell_again("gateway-unavailable", 503, "Stripe cannot be asked")
    except (ValueError, KeyError, TypeError, AttributeError):
        detail = "the body must be a Stripe event, with the fields that its type has"
        return problems.of_invalid(InvalidRequest("request-invalid", 400, "", detail)).response()
    logger.info("webhook answered", type=kind, outcome=outcome)
    return Response(200, "application/json", json.dumps({"outcome": outcome}))


def dispute_opened(dispute: Object) -> str:
    """A customer contests a payment: RECORDED once, with its event and its alarm."""
    return _record(dispute, decisions.open_dispute, alarm="PaymentDisputed")


def dispute_closed(dispute: Object) -> str:
    """The card's network has decided: RECORDED once, with its event."""
    return _record(dispute, decisions.close_dispute)


def _record(told: Object, decide: Callable[[Row | None, str, Dispute], Change | None], alarm: str = "") -> str:
    order_id = _order_of(told)
    if order_id is None:
        return "IGNORED"
    payment = table.payments().get(order_id)
    if payment is None:
        return "IGNORED"
    amount = Money(int(told["amount"]), str(told["currency"]).upper())
    dispute = Dispute(str(told["id"]), amount, str(told["reason"]), won=told["status"] in ("won", "warning_closed"))
    disputes = table.disputes()
    known = disputes.get(dispute.dispute_id)
    cause = Cause(payment["correlation_id"], f"stripe:{dispute.dispute_id}")
    after = disputes.advance(
        dispute.dispute_id, lambda row: decide(row, order_id, dispute), cause, seen=known, presume_absent=known is None
    )
    if after == known:
        return "UNCHANGED"
    if alarm:
        _count(alarm, order_id)
    return "RECORDED"


def intent_canceled(intent: Object) -> str:
    """An authorisation has run out before it was captured: its capture will be refused, and the saga turns back."""
    if intent.get("cancellation_reason") != "automatic":
        return "IGNORED"
    return _counted("AuthorizationExpired", _order_of_intent(intent))


def refund_failed(refund: Object) -> str:
    """Money that was on its way back to the customer came back to us: somebody must send it anew."""
    return _counted("RefundFailedLate", _order_of(refund))


HEARD: dict[str, Callable[[Object], str]] = {
    "charge.dispute.created": dispute_opened,
    "charge.dispute.closed": dispute_closed,
    "payment_intent.canceled": intent_canceled,
    "refund.failed": refund_failed,
}
"""The types of Stripe's events that mean something to us; the endpoint at Stripe should be sent these."""


def _order_of(about: Object) -> str | None:
    """The order that a dispute or a refund is about, by its PaymentIntent; None if it is about none of ours."""
    reference = about.get("payment_intent")
    if not isinstance(reference, str) or not reference.isascii() or not reference.replace("_", "").isalnum():
        return None
    try:
        return _order_of_intent(api().get(f"/v1/payment_intents/{reference}"))
    except StripeRefused:
        return None


def _order_of_intent(intent: Object) -> str | None:
    order_id = (intent.get("metadata") or {}).get("order_id")
    return order_id if isinstance(order_id, str) and ORDER_ID.fullmatch(order_id) else None


def _counted(metric: str, order_id: str | None) -> str:
    if order_id is None or table.payments().get(order_id) is None:
        return "IGNORED"
    _count(metric, order_id)
    return "COUNTED"


def _count(metric: str, order_id: str) -> None:
    logger.error("gateway told of a payment", order_id=order_id, what=metric)
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


app.not_found(problems.no_such_route("payment"))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """API Gateway's HTTP API, payload format 2.0."""
    answer: dict[str, Any] = app.resolve(event, context)
    return answer
