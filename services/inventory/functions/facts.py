"""The query that the order service asks before it acts on an event of the inventory: what the reservation durably is."""

from typing import Any

from kernel import facts
from services.inventory.storage import table


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id"}` → FOUND with the reservation's `status` and `lines`, or NOT_FOUND."""
    return facts.answer(table.reservations().get(event["order_id"]), "lines")
