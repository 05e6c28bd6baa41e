"""The cancellations' subscriber: the parcel of an order to be cancelled stays here, if the carrier cannot have it yet."""

from typing import Any

from services.kernel.inbox import Delivery, subscribe
from services.kernel.rows import Cause
from services.shipping import decisions, table
from services.shipping.consumes import CONSUMES, ON_REPLAY


def keep_here(delivery: Delivery) -> None:
    """Cancel the shipment, or its late coming. One that has gone tells so by its own events, as one that failed does."""
    event = delivery.event
    assert event.order_id is not None
    cause = Cause(event.correlation_id, event.event_id)
    table.shipments().advance(event.order_id, lambda row: decisions.cancel(row, event), cause)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The cancellations queue's batch, answered by a partial batch response."""
    return subscribe(event, dict.fromkeys(CONSUMES["cancellations"], keep_here), ON_REPLAY["cancellations"])
