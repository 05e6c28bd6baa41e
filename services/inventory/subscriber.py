"""The cancellations' subscriber: what was sold to a confirmed order that is cancelled is available again, once."""

from typing import Any

from services.inventory import decisions, table
from services.inventory.consumes import CONSUMES, ON_REPLAY
from services.kernel.inbox import Delivery, subscribe
from services.kernel.rows import Cause


def restock(delivery: Delivery) -> None:
    """Take the order's goods back, unless they are back."""
    event = delivery.event
    if event.data["confirmed"]:
        assert event.order_id is not None
        table.reservations().move(event.order_id, decisions.restock, Cause(event.correlation_id, event.event_id))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The cancellations queue's batch, answered by a partial batch response."""
    return subscribe(event, dict.fromkeys(CONSUMES["cancellations"], restock), ON_REPLAY["cancellations"])
