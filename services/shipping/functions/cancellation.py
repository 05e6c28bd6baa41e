"""The cancellations' subscriber: the parcel of an order to be cancelled stays here, if the carrier cannot have it yet."""

from collections.abc import Mapping

from kernel.aggregate_store import Causation
from kernel.facts import contradicted, facts_of
from kernel.inbox import Delivery, subscribe
from services.shipping.domain import decisions, states
from services.shipping.storage import table
from services.shipping.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS


def keep_here(delivery: Delivery) -> None:
    """Cancel the shipment, or its late coming. One that has gone tells so by its own events, as one that failed does.

    If the shipment is past it already, the order asks again: it has not had the answer.
    Raises InvalidEventError for an order that is not to be cancelled, and what `facts_of` raises.
    """
    event = delivery.event
    assert event.order_id is not None
    shipments = table.shipments()
    row = shipments.get(event.order_id)
    if row is not None and row["status"] != states.CREATED:
        if delivery.is_live:
            shipments.republish_said(event.order_id, row)
        return
    order = facts_of("order", event.order_id)
    if order is None or not (order["status"] == "CANCEL_REQUESTED" or order["revoked"]):
        raise contradicted(event, "order", order)
    cause = Causation(event.correlation_id, event.event_id)
    shipments.create_or_apply(
        event.order_id, lambda row: decisions.cancel(row, event), cause, seen=row, presume_absent=row is None
    )


def handler(event: Mapping[str, object], context: object) -> dict[str, object]:
    """Consume the cancellations queue's batch. Return a partial batch response."""
    return subscribe(event, dict.fromkeys(SUBSCRIPTIONS["cancellations"], keep_here), REPLAY_POLICY["cancellations"])
