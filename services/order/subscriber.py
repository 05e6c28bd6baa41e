"""The fulfilment's subscriber: what shipping did moves the order's fulfilment forward, never back."""

import os
from typing import Any

from services.kernel import clients
from services.kernel.inbox import DeadLetters, Delivery, receive
from services.kernel.names import source_of
from services.kernel.rows import Cause, Change, Row
from services.order import decisions, table
from services.order.consumes import ON_REPLAY

REACHED = {"ShipmentDispatched": "DISPATCHED", "ShipmentDelivered": "DELIVERED"}


class UnknownOrder(LookupError):
    """A shipment of an order that is not there: the message waits in the dead-letter queue for an operator."""


def mark(delivery: Delivery) -> None:
    """Mark what the shipment reached on its order."""
    event, reached = delivery.event, REACHED[delivery.event.detail_type]

    def step(row: Row | None) -> Change | None:
        if row is None:
            raise UnknownOrder(f"{event.detail_type} {event.event_id} is about order {event.order_id}, which is not there")
        return decisions.mark_fulfilment(row, reached)

    assert event.order_id is not None
    table.orders().advance(event.order_id, step, Cause(event.correlation_id, event.event_id))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The fulfilment queue's batch, answered by a partial batch response."""
    handlers = {(source_of("shipping"), detail_type): mark for detail_type in REACHED}
    return receive(
        event["Records"],
        handlers,
        DeadLetters(clients.sqs(), os.environ["DEAD_LETTER_QUEUE_URL"], os.environ.get("QUEUE_URL", "")),
        ON_REPLAY["fulfilment"],
    )
