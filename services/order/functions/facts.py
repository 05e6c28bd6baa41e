"""The query that other services ask before they act on an event of the order service: what the order durably is."""

from typing import Any

from kernel import facts
from services.order.domain import decisions
from services.order.domain.model import OrderRow
from services.order.storage import table


def stated(row: OrderRow | None) -> dict[str, object]:
    """Return FOUND with the order's facts, none of them personal, or NOT_FOUND.

    `confirmed` and `revoked` (cancelled after its confirmation) are true for good once they are true.
    `backordered` says that the order waited for stock. `lines` are SKUs and quantities; `left_out` are those not in stock.
    """
    if row is None:
        return facts.answer(None)
    about = {
        "confirmed": decisions.was_confirmed(row),
        "revoked": decisions.was_revoked(row),
        "backordered": "backordered_at" in row,
        "lines": decisions.quantities(row["lines"]),
        "left_out": decisions.unavailable_lines(row),
    }
    return {**facts.answer(row, "fulfilment", "total", "reason"), **about}


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"order_id"}` → FOUND with the order's facts, or NOT_FOUND."""
    return stated(table.orders().get(event["order_id"]))
