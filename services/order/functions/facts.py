"""The query of the other services before they act on an event of the order service: the order's facts."""

from collections.abc import Mapping

from kernel import facts
from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from services.order.domain import decisions
from services.order.domain.model import OrderRow
from services.order.storage.table import Orders


def stated(row: OrderRow | None) -> dict[str, object]:
    """Return FOUND with the order's facts, none of them personal, or NOT_FOUND.

    `confirmed` and `revoked` (cancelled after its confirmation) stay true once they are true.
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


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the query's handler: `{"order_id"}` → FOUND with the order's facts, or NOT_FOUND."""
    orders = Orders(clients.dynamodb, environ["TABLE_NAME"])
    return lambda event, context: stated(orders.get(event["order_id"]))


handler = lambda_handler(bootstrap)
