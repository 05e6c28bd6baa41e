"""Stripe's webhook: later events of a payment, without a call of ours.

Stripe delivers an event at least once, in any order, for three days (https://docs.stripe.com/webhooks). A known event changes
nothing.
"""

import json
import os
from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from kernel import clock, outside_json, problem_details, webhooks
from kernel.aggregate_store import Causation, Decision, Row
from kernel.identifiers import ORDER_ID
from kernel.money import Money
from kernel.problem_details import InvalidRequestError
from kernel.secrets import secret
from kernel.webhooks import InvalidSignatureError
from services.payment.domain import decisions, states
from services.payment.domain.gateway import Dispute, GatewayFaultError, OutsideRefund
from services.payment.gateways import factory
from services.payment.gateways.stripe_api import StripeApi, StripeRefusedError
from services.payment.gateways.stripe_currencies import money_of
from services.payment.storage import table
from services.payment.use_cases.processor import gateway_watched

logger = Logger()
metrics = Metrics(namespace="Orderflow")
app = APIGatewayHttpResolver()
SIGNATURE = "stripe-signature"
LONGEST_REASON = 100
"""Of a dispute, in characters, as in the schema of PaymentDisputed."""
Object = dict[str, Any]


@cache
def api() -> StripeApi:
    """Return the client of the account that sends the events."""
    return factory.stripe_api()


@app.post("/webhooks/stripe")
def hear() -> Response[str]:
    """200 with the `outcome` RECORDED, UNCHANGED, COUNTED or IGNORED; 400 for what is not Stripe's; 503: tell it again."""
    event = app.current_event
    try:
        body = event.decoded_body or ""
        webhooks.verify(secret(os.environ["STRIPE_WEBHOOK_SECRET_ARN"]), event.headers.get(SIGNATURE, ""), body, clock.now())
        told = outside_json.read_object(body)
        kind, about = str(told["type"]), dict(told["data"]["object"])
        with gateway_watched():
            outcome = HEARD.get(kind, unknown)(about)
    except InvalidSignatureError as refusal:
        return problem_details.from_invalid_request(InvalidRequestError("signature-invalid", 400, "", str(refusal))).response()
    except GatewayFaultError as fault:
        logger.warning("Stripe cannot be asked about what it told", fault=type(fault).__name__)
        return problem_details.retry_later("gateway-unavailable", 503, "Stripe cannot be asked")
    except (ValueError, KeyError, TypeError, AttributeError):
        detail = "the body must be a Stripe event, with the fields that its type has"
        return problem_details.from_invalid_request(InvalidRequestError("request-invalid", 400, "", detail)).response()
    logger.info("webhook answered", type=kind, outcome=outcome)
    return Response(200, "application/json", json.dumps({"outcome": outcome}))


def unknown(about: Object) -> str:
    """IGNORED, and counted: the endpoint at Stripe sends what has no meaning here."""
    metrics.add_metric(name="WebhookEventsUnknown", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()
    return "IGNORED"


def dispute_opened(dispute: Object) -> str:
    """Record the opening of a dispute once, with its event and its alarm: RECORDED."""
    return _record(dispute, decisions.open_dispute, alarm="PaymentDisputed")


def dispute_closed(dispute: Object) -> str:
    """Record the card network's decision once, with its event: RECORDED."""
    return _record(dispute, decisions.close_dispute)


def dispute_moved(dispute: Object) -> str:
    """Bring the dispute up to date if the event of its opening or closing was late or lost."""
    return dispute_closed(dispute) if dispute["status"] in DISPUTE_ENDS else dispute_opened(dispute)


def _record(told: Object, decide: Callable[[Row | None, str, Dispute], Decision | None], alarm: str = "") -> str:
    order_id = _order_of(told)
    if order_id is None:
        return "IGNORED"
    payment = table.payments().get(order_id)
    if payment is None:
        return "IGNORED"
    amount, reason = money_of(int(told["amount"]), str(told["currency"])), str(told["reason"])
    if len(reason) > LONGEST_REASON:
        raise ValueError("the reason of a dispute is a word")
    dispute = Dispute(str(told["id"]), amount, reason, won=told["status"] in ("won", "warning_closed"))
    disputes = table.disputes()
    known = disputes.get(dispute.dispute_id)
    cause = Causation(payment["correlation_id"], f"stripe:{dispute.dispute_id}")
    after = disputes.create_or_apply(
        dispute.dispute_id, lambda row: decide(row, order_id, dispute), cause, seen=known, presume_absent=known is None
    )
    if after == known:
        return "UNCHANGED"
    if alarm:
        _count(alarm, order_id)
    return "RECORDED"


def intent_canceled(intent: Object) -> str:
    """Record that an authorisation was released: by Stripe, or by hand. A capture is refused then, and the saga turns back.

    Our own void is no news: its row says so before Stripe is asked.
    """
    if intent.get("cancellation_reason") not in LET_GO_BY_STRIPE:
        return _counted("AuthorizationExpired", _order_of_intent(intent), beside=COUNTED_ON)
    return _counted("AuthorizationExpired", _order_of_intent(intent))


def charge_expired(charge: Object) -> str:
    """Count an authorization that expired before it was captured."""
    return _counted("AuthorizationExpired", _order_of(charge))


def payment_failed(intent: Object) -> str:
    """Count a payment that failed although we recorded it as made. We learn of a declined card by our own call."""
    return _counted(
        "PaymentFailedLate", _order_of_intent(intent), beside=(states.AUTHORIZED, states.CAPTURING, states.CAPTURED)
    )


def captured(intent: Object) -> str:
    """Money is taken. Our own capture is no news; without one, it was taken by hand at Stripe."""
    return _counted("CapturedOutside", _order_of_intent(intent), beside=NEVER_CAPTURED)


def refund_failed(refund: Object) -> str:
    """Money that was on its way back to the customer came back to us: an operator must send it anew."""
    return _counted("RefundFailedLate", _order_of(refund))


def refund_moved(refund: Object) -> str:
    """Record a refund made by hand, and count a refund that failed."""
    return refund_failed(refund) if refund.get("status") in NOTHING_BACK else refunded(refund)


def refunded(about: Object) -> str:
    """Money goes back, of a charge or by a refund: RECORDED once for each refund that we did not make, with its alarm.

    Which refunds there are is asked of Stripe: the event may be late, and a charge does not list them.
    """
    order_id = _order_of(about)
    payment = table.payments().get(order_id) if order_id else None
    if order_id is None or payment is None or "total" not in payment:
        return "IGNORED"
    listed = api().get("/v1/refunds", payment_intent=str(about["payment_intent"]), limit="100")["data"]
    given = [refund for refund in listed if refund["status"] not in NOTHING_BACK]
    if not given:  # the list is behind the event
        return _counted("RefundedOutside", order_id, beside=(states.CAPTURED,))
    currency = payment["total"]["currency"]
    back = sum(money_of(int(refund["amount"]), currency).amount for refund in given)
    left = Money(max(0, payment["total"]["amount"] - back), currency)
    recorded = "UNCHANGED"
    for refund in given:
        if not (refund.get("metadata") or {}).get("attempt") and _is_news(payment, refund, left):
            _count("RefundedOutside", order_id)
            recorded = "RECORDED"
    return recorded


def _is_news(payment: Row, refund: Object, left: Money) -> bool:
    made = OutsideRefund(str(refund["id"]), money_of(int(refund["amount"]), left.currency), left)
    refunds, order_id = table.outside_refunds(), payment["order_id"]
    known = refunds.get(made.refund_id)
    cause = Causation(payment["correlation_id"], f"stripe:{made.refund_id}")
    after = refunds.create_or_apply(
        made.refund_id,
        lambda row: decisions.record_outside_refund(row, order_id, made),
        cause,
        seen=known,
        presume_absent=known is None,
    )
    return after != known


def no_news(about: Object) -> str:
    """Something that our own call has answered already."""
    return "IGNORED"


DISPUTE_ENDS = frozenset({"won", "lost", "warning_closed"})
LET_GO_BY_STRIPE = frozenset({"automatic", "expired", "failed_invoice", "void_invoice"})
"""Reasons of a cancellation that Stripe itself gives (https://docs.stripe.com/api/payment_intents/object)."""
COUNTED_ON = (states.AUTHORIZED, states.CAPTURING)
"""Statuses of a payment whose money must still be set aside."""
NEVER_CAPTURED = (states.AUTHORIZING, states.AUTHORIZED, states.DECLINED, states.VOIDING, states.VOIDED)
NOTHING_BACK = frozenset({"failed", "canceled"})

HEARD: dict[str, Callable[[Object], str]] = {
    "charge.dispute.created": dispute_opened,
    "charge.dispute.closed": dispute_closed,
    **dict.fromkeys(
        ("charge.dispute.updated", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"), dispute_moved
    ),
    "payment_intent.canceled": intent_canceled,
    "payment_intent.payment_failed": payment_failed,
    "payment_intent.succeeded": captured,
    "charge.expired": charge_expired,
    "charge.refunded": refunded,
    **dict.fromkeys(("refund.created", "refund.updated", "charge.refund.updated"), refund_moved),
    "refund.failed": refund_failed,
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
        no_news,
    ),
}
"""Stripe's types of events on payments (https://docs.stripe.com/api/events/types), and what becomes of each."""


def _order_of(about: Object) -> str | None:
    """Return the order of a dispute or a refund, by its PaymentIntent; None if it is not ours."""
    reference = about.get("payment_intent")
    if not isinstance(reference, str) or not reference.isascii() or not reference.replace("_", "").isalnum():
        return None
    try:
        return _order_of_intent(api().get(f"/v1/payment_intents/{reference}"))
    except StripeRefusedError:
        return None


def _order_of_intent(intent: Object) -> str | None:
    order_id = (intent.get("metadata") or {}).get("order_id")
    return order_id if isinstance(order_id, str) and ORDER_ID.fullmatch(order_id) else None


def _counted(metric: str, order_id: str | None, beside: Collection[str] = ()) -> str:
    """Count `metric` and return COUNTED if the payment has one of the statuses `beside`, for which the event is new."""
    payment = table.payments().get(order_id) if order_id else None
    if order_id is None or payment is None or (beside and payment["status"] not in beside):
        return "IGNORED"
    _count(metric, order_id)
    return "COUNTED"


def _count(metric: str, order_id: str) -> None:
    logger.error("gateway told of a payment", order_id=order_id, what=metric)
    metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


app.not_found(problem_details.no_such_route("payment"))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Handle a request of API Gateway's HTTP API, payload format 2.0."""
    answer: dict[str, Any] = app.resolve(event, context)
    return answer
