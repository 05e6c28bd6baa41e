"""The orders' subscriber: a confirmed order gets its shipment, once, however often and late it is told."""

from typing import Any

from services.kernel import clock
from services.kernel.inbox import Delivery, subscribe
from services.kernel.rows import Cause, Change, Row
from services.shipping import decisions, table
from services.shipping.consumes import CONSUMES, ON_REPLAY


def create_shipment(delivery: Delivery) -> None:
    """Create the order's shipment, unless it is there."""
    event = delivery.event

    def step(row: Row | None) -> Change | None:
        return decisions.create(row, event, clock.now())

    assert event.order_id is not None
    table.shipments().advance(event.order_id, step, Cause(event.correlation_id, event.event_id), presume_absent=True)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The orders queue's batch, answered by a partial batch response."""
    return subscribe(event, dict.fromkeys(CONSUMES["orders"], create_shipment), ON_REPLAY["orders"])
