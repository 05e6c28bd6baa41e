"""The query that shipping and notification ask: where an order's mails and parcels go, and what the order durably is."""

from datetime import timedelta
from typing import Any, Final

from kernel import clock
from services.order.domain.model import OrderRow
from services.order.functions import facts
from services.order.storage import table

NOT_YET_FOR: Final = timedelta(minutes=5)
"""How long after an order was placed a missing contact is one that may yet come: its customer had one when it was placed."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id"}` → FOUND with `customer_id`, `name`, `email`, `address`; NOT_FOUND when never given, or forgotten.

    NOT_YET in place of NOT_FOUND while the order is young: the caller asks again, since what follows NOT_FOUND is final.
    In each answer `order` holds the order's facts, or null if there is no order.
    """
    order = table.orders().get(event["order_id"])
    stated = facts.stated(order) if order else None
    contact = table.contacts().get(order["customer_id"]) if order else None
    if contact is None:
        return {"outcome": "NOT_YET" if order and is_young(order) else "NOT_FOUND", "order": stated}
    found = {name: contact[name] for name in ("customer_id", "name", "email", "address")}
    return {"outcome": "FOUND", "order": stated, **found}


def is_young(order: OrderRow) -> bool:
    """Return whether the order was placed less than NOT_YET_FOR ago."""
    return clock.now() < clock.from_rfc3339(order["created_at"]) + NOT_YET_FOR
