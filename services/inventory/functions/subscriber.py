"""The subscriber of the queue `cancellations`: it restocks the goods of a confirmed order that is cancelled, exactly once."""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel.clients import Clients
from kernel.facts import OwnerFacts, contradicted
from kernel.handler import Handler, lambda_handler
from kernel.inbox import Delivery, queue_handler
from services.inventory.domain import decisions, states
from services.inventory.schemas.consumed import OrderCancelledData
from services.inventory.storage.table import Reservations
from services.inventory.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS


@dataclass(frozen=True)
class Restocks:
    """Takes back the goods of cancelled orders."""

    reservations: Reservations
    facts: OwnerFacts

    def restock(self, delivery: Delivery[OrderCancelledData]) -> None:
        """Take the order's goods back. If they are back already, publish that event again, because the order requests it.

        They come back only if the order itself states that it was cancelled after its confirmation. Raises InvalidEventError if
        it does not, and what `OwnerFacts.of` raises.
        """
        if not delivery.event.data["confirmed"]:
            return
        order_id = delivery.order_id
        row = self.reservations.get(order_id)
        if row is not None and row["status"] == states.RESTOCKED:
            if delivery.is_live:
                self.reservations.republish_said(order_id, row)
            return
        if row is not None and row["status"] != states.COMMITTED:
            return
        order = self.facts.order(order_id)
        if row is None or order is None or not order["revoked"]:
            raise contradicted(delivery.event, "order", order)
        self.reservations.apply_step(order_id, decisions.restock, delivery.causation)


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the queue's batches; it returns a partial batch response."""
    functions = clients.functions  # each event needs it, so it is made with the handler
    facts = OwnerFacts(lambda: functions, environ)
    restocks = Restocks(Reservations(clients.dynamodb, environ["TABLE_NAME"]), facts)
    handlers = dict.fromkeys(SUBSCRIPTIONS["cancellations"], restocks.restock)
    return queue_handler(clients, environ, handlers, REPLAY_POLICY["cancellations"])


handler = lambda_handler(bootstrap)
