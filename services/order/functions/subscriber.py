"""The fulfilment's subscriber: what became of the goods, the parcel and a cancelled order's money moves the order on.

Each event is a hint. The order moves only if the owner of the fact states the same of its own row (ADR 27).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from kernel import clock
from kernel.aggregate_store import Causation, Decision, UnknownAggregateError
from kernel.facts import Facts, contradicted, facts_of
from kernel.inbox import Delivery, subscribe
from kernel.naming import source_of
from services.order.domain import decisions
from services.order.domain.model import OrderRow
from services.order.storage import table
from services.order.subscriptions import REPLAY_POLICY


@dataclass(frozen=True)
class Hint:
    """The step that an event allows the order, if the row of its `owner` has one of these statuses.

    The statuses are the event's own and those that can follow it, so that a late delivery is confirmed as well. `choose` takes
    the order's row and the facts about the event: first its data, then the owner's facts.
    """

    owner: str
    statuses: tuple[str, ...]
    choose: Callable[[OrderRow, Facts], Decision | None]
    about: tuple[str, ...] = ()
    """The fields of the event's data that tell the owner which of an order's rows is asked for."""


HINTS: dict[tuple[str, str], Hint] = {
    (source_of(hint.owner), detail_type): hint
    for detail_type, hint in {
        "ShipmentDispatched": Hint(
            "shipping", ("DISPATCHED", "DELIVERED"), lambda row, known: decisions.mark_fulfilment(row, "DISPATCHED")
        ),
        "ShipmentDelivered": Hint("shipping", ("DELIVERED",), lambda row, known: decisions.mark_fulfilment(row, "DELIVERED")),
        "ShipmentCancelled": Hint(
            "shipping", ("CANCELLED",), lambda row, known: decisions.begin_refund(row, None, clock.now())
        ),
        "ShipmentFailed": Hint(
            "shipping", ("FAILED",), lambda row, known: decisions.begin_refund(row, known["reason"], clock.now())
        ),
        "PaymentRefunded": Hint("payment", ("REFUNDED",), lambda row, known: decisions.record_return(row, "refunded")),
        "PaymentRefundedOutside": Hint(
            "payment",
            ("RECORDED",),
            lambda row, known: decisions.refunded_outside(row, known["left"]["amount"], clock.now()),
            about=("refund_id",),
        ),
        "StockAllocated": Hint("inventory", ("HELD", "COMMITTED"), lambda row, known: decisions.resume(row, clock.now())),
        "StockReleased": Hint("inventory", ("RESTOCKED",), lambda row, known: decisions.record_return(row, "restocked")),
    }.items()
}


def move(delivery: Delivery) -> None:
    """Take the step that the event calls for, unless it is taken.

    Raises UnknownAggregateError, InvalidEventError for an event that its owner contradicts, and what `facts_of` raises.
    """
    event = delivery.event
    hint = HINTS[event.source, event.detail_type]
    assert event.order_id is not None
    order = table.orders().get(event.order_id)
    if order is None:
        raise UnknownAggregateError(f"{event.detail_type} {event.event_id} is about order {event.order_id}, which is not there")
    if hint.choose(order, event.data) is None:
        return
    facts = facts_of(hint.owner, event.order_id, **{name: event.data[name] for name in hint.about})
    if facts is None or facts["status"] not in hint.statuses:
        raise contradicted(event, hint.owner, facts)

    def step(row: OrderRow) -> Decision | None:
        change = hint.choose(row, facts)
        return replace(change, triggered_by=event) if change else None

    table.orders().apply(event.order_id, step, Causation(event.correlation_id, event.event_id), seen=order)


def take_back_goods(delivery: Delivery) -> None:
    """Move the order on goods that were sold and are back. Goods that were only held are the saga's matter."""
    if delivery.event.data["restocked"]:
        move(delivery)


HANDLERS = {**dict.fromkeys(HINTS, move), (source_of("inventory"), "StockReleased"): take_back_goods}


def handler(event: Mapping[str, object], context: object) -> dict[str, object]:
    """Consume the fulfilment queue's batch. Return a partial batch response."""
    return subscribe(event, HANDLERS, REPLAY_POLICY["fulfilment"])
