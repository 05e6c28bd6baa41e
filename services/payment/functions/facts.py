"""The query that the order service asks before it acts on an event of the payment service: what the payment durably is."""

from typing import Any

from kernel import facts
from services.payment.storage import table


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id"}` → FOUND with the payment's `status`, `total` and `reason`, or NOT_FOUND.

    With a `refund_id`: FOUND with the `status` of that refund made outside, and what it `left`, or NOT_FOUND.
    """
    if "refund_id" not in event:
        return facts.answer(table.payments().get(event["order_id"]), "total", "reason")
    refund = table.outside_refunds().get(event["refund_id"])
    return facts.answer(refund if refund and refund["order_id"] == event["order_id"] else None, "left")
