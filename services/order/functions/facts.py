"""The query of the other services before they act on an event of the order service: the order's facts."""

from collections.abc import Mapping

from kernel.clients import Clients
from kernel.facts import FactsQuery, NotFound, OrderFacts, answer
from kernel.handler import Handler, lambda_handler
from services.order.domain import decisions
from services.order.domain.model import OrderRow
from services.order.storage.table import Orders


def facts_of(row: OrderRow) -> OrderFacts:
    """Return the order's facts, none of them personal."""
    found = OrderFacts(
        outcome="FOUND",
        order_id=row["order_id"],
        status=row["status"],
        fulfilment=row["fulfilment"],
        confirmed=decisions.was_confirmed(row),
        revoked=decisions.was_revoked(row),
        backordered="backordered_at" in row,
        lines=decisions.quantities(row["lines"]),
        left_out=decisions.unavailable_lines(row),
        total=row["total"],
    )
    if "reason" in row:
        found["reason"] = row["reason"]
    return found


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the query's handler: `{"order_id"}` → FOUND with the order's facts, or NOT_FOUND."""
    orders = Orders(clients.dynamodb, environ["TABLE_NAME"])

    def handle(event: FactsQuery, context: object) -> OrderFacts | NotFound:
        row = orders.get(event["order_id"])
        return answer(facts_of(row) if row else None)

    return handle


handler = lambda_handler(bootstrap)
