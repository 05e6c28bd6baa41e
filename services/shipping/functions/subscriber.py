"""The orders' subscriber: it creates the shipment of each confirmed order, once."""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel import clock
from kernel.clients import Clients
from kernel.facts import OwnerFacts, contradicted
from kernel.handler import Handler, lambda_handler
from kernel.inbox import Delivery, queue_handler
from services.shipping.domain import decisions
from services.shipping.domain.model import ShipmentDecision, ShipmentRow
from services.shipping.storage.table import Shipments, shipments_of
from services.shipping.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS


@dataclass(frozen=True)
class ShipmentCreation:
    """The creation of shipments, by the facts that the order service states."""

    shipments: Shipments
    facts: OwnerFacts

    def create_shipment(self, delivery: Delivery) -> None:
        """Create the order's shipment, with the lines that the order itself states, unless it exists or the order is revoked.

        Raises InvalidEventError for an order that was never confirmed, and what `OwnerFacts.of` raises.
        """
        order_id = delivery.order_id
        if delivery.repeated and self.shipments.get(order_id) is not None:
            return
        order = self.facts.order(order_id)
        if order is None or not order["confirmed"]:
            raise contradicted(delivery.event, "order", order)
        if order["revoked"]:
            return

        def create(row: ShipmentRow | None) -> ShipmentDecision | None:
            return decisions.create(row, order_id, delivery.event.correlation_id, order["lines"], clock.now())

        self.shipments.create_or_apply(order_id, create, delivery.causation, presume_absent=True)


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the orders queue."""
    functions = clients.functions  # each event needs it, so it is made with the handler
    creation = ShipmentCreation(shipments_of(clients, environ), OwnerFacts(lambda: functions, environ))
    handlers = dict.fromkeys(SUBSCRIPTIONS["orders"], creation.create_shipment)
    return queue_handler(clients, environ, handlers, REPLAY_POLICY["orders"])


handler = lambda_handler(bootstrap)
