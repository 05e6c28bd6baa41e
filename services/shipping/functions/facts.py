"""The query of order and notification before they act on an event of shipping: the shipment as it is stored."""

from collections.abc import Mapping

from kernel.clients import Clients
from kernel.facts import FactsQuery, NotFound, ShipmentFacts, answer
from kernel.handler import Handler, lambda_handler
from services.shipping.domain.model import ShipmentRow
from services.shipping.storage.table import shipments_of


def facts_of(row: ShipmentRow) -> ShipmentFacts:
    """Return the shipment's facts."""
    found = ShipmentFacts(outcome="FOUND", order_id=row["order_id"], status=row["status"])
    if "tracking" in row:
        found["tracking"] = row["tracking"]
    if "reason" in row:
        found["reason"] = row["reason"]
    return found


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the query's handler: `{"order_id"}` → FOUND with `status`, `tracking` and `reason`, or NOT_FOUND."""
    shipments = shipments_of(clients, environ)

    def handle(event: FactsQuery, context: object) -> ShipmentFacts | NotFound:
        row = shipments.get(event["order_id"])
        return answer(facts_of(row) if row else None)

    return handle


handler = lambda_handler(bootstrap)
