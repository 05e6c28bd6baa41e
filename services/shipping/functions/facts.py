"""The query of order and notification before they act on an event of shipping: the shipment as it is stored."""

from collections.abc import Mapping

from kernel import facts
from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from services.shipping.storage.table import shipments_of


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the query's handler: `{"order_id"}` → FOUND with `status`, `tracking` and `reason`, or NOT_FOUND."""
    shipments = shipments_of(clients, environ)

    def handle(event: Mapping[str, str], context: object) -> Mapping[str, object]:
        return facts.answer(shipments.get(event["order_id"]), "tracking", "reason")

    return handle


handler = lambda_handler(bootstrap)
