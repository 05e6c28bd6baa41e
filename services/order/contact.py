"""The one query that shipping and notification may ask: where do this order's mails and parcels go?"""

from typing import Any

from services.order import table


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id"}` → FOUND with `customer_id`, `name`, `email`, `address`; NOT_FOUND when never given, or forgotten."""
    order = table.orders().get(event["order_id"])
    contact = table.contacts().get(order["customer_id"]) if order else None
    if contact is None:
        return {"outcome": "NOT_FOUND"}
    return {"outcome": "FOUND", **{name: contact[name] for name in ("customer_id", "name", "email", "address")}}
