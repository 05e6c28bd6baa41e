"""The orders' subscriber: a confirmed order gets its shipment, once, however often and late it is told."""

import os
from typing import Any

from services.kernel import clients, clock
from services.kernel.inbox import DeadLetters, Delivery, receive
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
    handlers = dict.fromkeys(CONSUMES["orders"], create_shipment)
    return receive(
        event["Records"],
        handlers,
        DeadLetters(clients.sqs(), os.environ["DEAD_LETTER_QUEUE_URL"], os.environ.get("QUEUE_URL", "")),
        ON_REPLAY["orders"],
    )
