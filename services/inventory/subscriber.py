"""The cancellations' subscriber: what was sold to a confirmed order that is cancelled is available again, once."""

from typing import Any

from services.inventory import decisions, states, table
from services.inventory.consumes import CONSUMES, ON_REPLAY
from services.kernel.inbox import Delivery, subscribe
from services.kernel.rows import Cause


def restock(delivery: Delivery) -> None:
    """Take the order's goods back. If they are back, the order asks again: it has not had the answer."""
    event = delivery.event
    if not event.data["confirmed"]:
        return
    assert event.order_id is not None
    reservations = table.reservations()
    row = reservations.get(event.order_id)
    if row is None or row["status"] != states.RESTOCKED:
        reservations.move(event.order_id, decisions.restock, Cause(event.correlation_id, event.event_id))
    elif delivery.is_live:
        reservations.say_again(event.order_id, row)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The cancellations queue's batch, answered by a partial batch response."""
    return subscribe(event, dict.fromkeys(CONSUMES["cancellations"], restock), ON_REPLAY["cancellations"])
