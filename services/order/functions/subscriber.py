"""The fulfilment's subscriber: events about the parcel, the goods and a cancelled order's money move the order on.

Each event is a hint. The order moves only if the owner of the fact states the same of its own row (ADR 27).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

from typing_extensions import TypeVar

from kernel import clock
from kernel.aggregate_store import UnknownAggregateError
from kernel.clients import Clients
from kernel.facts import OwnerFacts, contradicted
from kernel.handler import Handler, lambda_handler
from kernel.inbox import Delivery, Handlers, queue_handler
from kernel.naming import source_of
from services.order.domain import decisions
from services.order.domain.model import OrderDecision, OrderRow
from services.order.schemas.consumed import PaymentRefundedOutsideData, ShipmentFailedData, StockReleasedData
from services.order.storage.table import Orders
from services.order.subscriptions import REPLAY_POLICY

K = TypeVar("K", default=Mapping[str, object])
"""The form of the facts that a step needs, as the event's data and the owner have them."""


@dataclass(frozen=True)
class Hint(Generic[K]):
    """The step that an event leads to, if the row of its `owner` has one of these statuses.

    The statuses are the event's own and those that can follow it, so that a late delivery has an effect too. `choose` takes
    the order's row and the known facts: first the event's data, then the owner's facts.
    """

    owner: str
    statuses: tuple[str, ...]
    choose: Callable[[OrderRow, K], OrderDecision | None]
    about: tuple[str, ...] = ()
    """The fields of the event's data by which the owner finds one of an order's rows."""


BY_DETAIL_TYPE: dict[str, Hint[Any]] = {
    "ShipmentDispatched": Hint(
        "shipping", ("DISPATCHED", "DELIVERED"), lambda row, known: decisions.mark_fulfilment(row, "DISPATCHED")
    ),
    "ShipmentDelivered": Hint("shipping", ("DELIVERED",), lambda row, known: decisions.mark_fulfilment(row, "DELIVERED")),
    "ShipmentCancelled": Hint("shipping", ("CANCELLED",), lambda row, known: decisions.begin_refund(row, None, clock.now())),
    "ShipmentFailed": Hint[ShipmentFailedData](
        "shipping", ("FAILED",), lambda row, known: decisions.begin_refund(row, known["reason"], clock.now())
    ),
    "PaymentRefunded": Hint("payment", ("REFUNDED",), lambda row, known: decisions.record_return(row, "refunded")),
    "PaymentRefundedOutside": Hint[PaymentRefundedOutsideData](
        "payment",
        ("RECORDED",),
        lambda row, known: decisions.refunded_outside(row, known["left"]["amount"], clock.now()),
        about=("refund_id",),
    ),
    "StockAllocated": Hint("inventory", ("HELD", "COMMITTED"), lambda row, known: decisions.resume(row, clock.now())),
    "StockReleased": Hint("inventory", ("RESTOCKED",), lambda row, known: decisions.record_return(row, "restocked")),
}
HINTS = {(source_of(hint.owner), detail_type): hint for detail_type, hint in BY_DETAIL_TYPE.items()}
"""The hints by source and detail type."""


class Fulfilment:
    """Moves orders by the events of shipping, payment and inventory."""

    def __init__(self, orders: Orders, owners: OwnerFacts) -> None:
        self.orders = orders
        self.owners = owners
        self.handlers: Handlers = {
            **dict.fromkeys(HINTS, self.move),
            (source_of("inventory"), "StockReleased"): self.record_restock,
        }

    def move(self, delivery: Delivery) -> None:
        """Take the step that the event calls for, unless it is taken.

        Raises UnknownAggregateError, InvalidEventError for an event that its owner contradicts, and what `OwnerFacts.of`
        raises.
        """
        event, order_id = delivery.event, delivery.order_id
        hint = HINTS[event.source, event.detail_type]
        order = self.orders.get(order_id)
        if order is None:
            raise UnknownAggregateError(f"{event.detail_type} {event.event_id} is about order {order_id}, which is not there")
        if hint.choose(order, event.data) is None:
            return
        facts = self.owners.of(hint.owner, order_id, **{name: event.data[name] for name in hint.about})
        if facts is None or facts["status"] not in hint.statuses:
            raise contradicted(event, hint.owner, facts)

        def step(row: OrderRow) -> OrderDecision | None:
            decision = hint.choose(row, facts)
            return replace(decision, triggered_by=event) if decision else None

        self.orders.apply(order_id, step, delivery.causation, seen=order)

    def record_restock(self, delivery: Delivery[StockReleasedData]) -> None:
        """Move the order on goods that were sold and are back. The saga handles goods that were only held."""
        if delivery.event.data["restocked"]:
            self.move(delivery)


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the fulfilment's queue."""
    functions = clients.functions  # each event needs it, so it is made with the handler
    owners = OwnerFacts(lambda: functions, environ)
    fulfilment = Fulfilment(Orders(clients.dynamodb, environ["TABLE_NAME"]), owners)
    return queue_handler(clients, environ, fulfilment.handlers, REPLAY_POLICY["fulfilment"])


handler = lambda_handler(bootstrap)
