"""The subscriber of the queue `cancellations`: it refunds a confirmed order that is cancelled, exactly once."""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel import clock
from kernel.clients import Clients
from kernel.facts import OwnerFacts, contradicted
from kernel.handler import Handler, lambda_handler
from kernel.inbox import Delivery, queue_handler
from services.payment.domain import decisions, states
from services.payment.gateways.factory import GatewayFactory, gateway_of
from services.payment.schemas.consumed import OrderCancelledData
from services.payment.storage.table import Payments
from services.payment.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS
from services.payment.use_cases.processor import PaymentProcessor


@dataclass(frozen=True)
class Refunds:
    """Begins the refunds of cancelled orders."""

    processor: PaymentProcessor
    facts: OwnerFacts

    def refund(self, delivery: Delivery[OrderCancelledData]) -> None:
        """Begin the order's refund, unless it is begun, and continue it; the sweeper does the rest.

        It begins only if the order itself states that it was cancelled after its confirmation. Raises InvalidEventError if it
        does not, and what `OwnerFacts.of` raises.
        """
        if not delivery.event.data["confirmed"]:
            return
        payments, order_id, causation = self.processor.payments, delivery.order_id, delivery.causation
        row = payments.get(order_id)
        if row is None:
            return
        if decisions.intend_refund(row, causation, clock.now()) is not None:
            order = self.facts.order(order_id)
            if order is None or not order["revoked"]:
                raise contradicted(delivery.event, "order", order)
            row = payments.apply(
                order_id, lambda row: decisions.intend_refund(row, causation, clock.now()), causation, seen=row
            )
        if row["status"] == states.REFUNDED and delivery.is_live:
            payments.republish_said(order_id, row)  # the order requests it again, so the event was lost
        self.processor.refund(row)


def bootstrap(clients: Clients, environ: Mapping[str, str], make_gateway: GatewayFactory = gateway_of) -> Handler:
    """Return the handler of the queue's batches; it returns a partial batch response."""
    processor = PaymentProcessor(Payments(clients.dynamodb, environ["TABLE_NAME"]), make_gateway(clients, environ))
    functions = clients.functions  # each event needs it, so it is made with the handler
    refunds = Refunds(processor, OwnerFacts(lambda: functions, environ))
    handlers = dict.fromkeys(SUBSCRIPTIONS["cancellations"], refunds.refund)
    return queue_handler(clients, environ, handlers, REPLAY_POLICY["cancellations"])


handler = lambda_handler(bootstrap)
