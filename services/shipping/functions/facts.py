"""The query that order and notification ask before they act on an event of shipping: what the shipment durably is."""

from typing import Any

from kernel import facts
from services.shipping.storage import table


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id"}` → FOUND with the shipment's `status`, `tracking` and `reason`, or NOT_FOUND."""
    return facts.answer(table.shipments().get(event["order_id"]), "tracking", "reason")
