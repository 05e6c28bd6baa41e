"""The cancellations' subscriber: it refunds a confirmed order that is cancelled, once, however often the event comes."""

from collections.abc import Mapping

from kernel import clock
from kernel.aggregate_store import Causation
from kernel.facts import contradicted, facts_of
from kernel.inbox import Delivery, subscribe
from services.payment.domain import decisions, states
from services.payment.gateways.factory import gateway
from services.payment.storage import table
from services.payment.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS
from services.payment.use_cases import processor


def refund(delivery: Delivery) -> None:
    """Begin the order's refund, unless it is begun, and go on with it as far as it comes; the sweeper does the rest.

    It begins only if the order itself says that it is cancelled after its confirmation. Raises InvalidEventError if it does
    not,
    and what `facts_of` raises.
    """
    event = delivery.event
    if not event.data["confirmed"]:
        return
    assert event.order_id is not None
    payments, cause = table.payments(), Causation(event.correlation_id, event.event_id)
    row = payments.get(event.order_id)
    if decisions.intend_refund(row, cause, clock.now()) is not None:
        order = facts_of("order", event.order_id)
        if order is None or not order["revoked"]:
            raise contradicted(event, "order", order)
        row = payments.apply(event.order_id, lambda row: decisions.intend_refund(row, cause, clock.now()), cause, seen=row)
    if row is not None and row["status"] == states.REFUNDED and delivery.is_live:
        payments.republish_said(event.order_id, row)  # the order asks again, so it has not had the answer
    processor.refund(payments, gateway(), row)


def handler(event: Mapping[str, object], context: object) -> dict[str, object]:
    """Consume the cancellations queue's batch. Return a partial batch response."""
    return subscribe(event, dict.fromkeys(SUBSCRIPTIONS["cancellations"], refund), REPLAY_POLICY["cancellations"])
