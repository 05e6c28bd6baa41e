"""The fulfilment's subscriber: what became of the goods, the parcel and a cancelled order's money moves the order on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from services.kernel import clock
from services.kernel.events import DomainEvent
from services.kernel.inbox import Delivery, subscribe
from services.kernel.names import source_of
from services.kernel.rows import Cause, Change, Row
from services.order import decisions, table
from services.order.consumes import ON_REPLAY

Choose = Callable[[Row, DomainEvent], Change | None]
CHOICES: dict[tuple[str, str], Choose] = {
    (source_of("shipping"), "ShipmentDispatched"): lambda row, event: decisions.mark_fulfilment(row, "DISPATCHED"),
    (source_of("shipping"), "ShipmentDelivered"): lambda row, event: decisions.mark_fulfilment(row, "DELIVERED"),
    (source_of("shipping"), "ShipmentCancelled"): lambda row, event: decisions.revoke(row, None, clock.now()),
    (source_of("shipping"), "ShipmentFailed"): lambda row, event: decisions.revoke(row, event.data["reason"], clock.now()),
    (source_of("payment"), "PaymentRefunded"): lambda row, event: decisions.take_back(row, "refunded"),
    (source_of("payment"), "PaymentRefundedOutside"): lambda row, event: decisions.refunded_outside(
        row, event.data["left"]["amount"], clock.now()
    ),
    (source_of("inventory"), "StockAllocated"): lambda row, event: decisions.resume(row, clock.now()),
    (source_of("inventory"), "StockReleased"): lambda row, event: decisions.take_back(row, "restocked"),
}
"""What each event makes of its order."""


class UnknownOrder(LookupError):
    """An event about an order that is not there: the message waits in the dead-letter queue for an operator."""


def move(delivery: Delivery) -> None:
    """Take the step that the event calls for, unless it is taken."""
    event = delivery.event
    choose = CHOICES[event.source, event.detail_type]

    def step(row: Row | None) -> Change | None:
        if row is None:
            raise UnknownOrder(f"{event.detail_type} {event.event_id} is about order {event.order_id}, which is not there")
        change = choose(row, event)
        return replace(change, heard=event) if change else None

    assert event.order_id is not None
    table.orders().advance(event.order_id, step, Cause(event.correlation_id, event.event_id))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The fulfilment queue's batch, answered by a partial batch response."""
    return subscribe(event, dict.fromkeys(CHOICES, move), ON_REPLAY["fulfilment"])
