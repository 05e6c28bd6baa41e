"""The cancellations' subscriber: it cancels a shipment if the carrier cannot have its parcel yet."""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel.clients import Clients
from kernel.facts import OwnerFacts, contradicted
from kernel.handler import Handler, lambda_handler
from kernel.inbox import Delivery, queue_handler
from services.shipping.domain import decisions, states
from services.shipping.domain.model import ShipmentDecision, ShipmentRow
from services.shipping.storage.table import Shipments, shipments_of
from services.shipping.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS


@dataclass(frozen=True)
class Cancellation:
    """The cancellation of shipments, by the facts that the order service states."""

    shipments: Shipments
    facts: OwnerFacts

    def cancel_shipment(self, delivery: Delivery) -> None:
        """Cancel the order's shipment, or leave a tombstone that refuses a late one.

        A shipment that left CREATED before has published its event: if the order asks again, it has missed that event, which is
        then published again. Raises InvalidEventError for an order that is not to be cancelled, and what `OwnerFacts.of`
        raises.
        """
        order_id = delivery.order_id
        row = self.shipments.get(order_id)
        if row is not None and row["status"] != states.CREATED:
            if delivery.is_live:
                self.shipments.republish_said(order_id, row)
            return
        order = self.facts.order(order_id)
        if order is None or not (order["status"] == "CANCEL_REQUESTED" or order["revoked"]):
            raise contradicted(delivery.event, "order", order)

        def cancel(row: ShipmentRow | None) -> ShipmentDecision | None:
            return decisions.cancel(row, order_id, delivery.event.correlation_id)

        self.shipments.create_or_apply(order_id, cancel, delivery.causation, seen=row, presume_absent=row is None)


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the cancellations queue."""
    functions = clients.functions  # each event needs it, so it is made with the handler
    cancellation = Cancellation(shipments_of(clients, environ), OwnerFacts(lambda: functions, environ))
    handlers = dict.fromkeys(SUBSCRIPTIONS["cancellations"], cancellation.cancel_shipment)
    return queue_handler(clients, environ, handlers, REPLAY_POLICY["cancellations"])


handler = lambda_handler(bootstrap)
