"""The orders' subscriber: a confirmed order gets its shipment, once, however often and late it is told."""

from collections.abc import Mapping

from kernel import clock
from kernel.aggregate_store import Causation, Decision, Row
from kernel.facts import contradicted, facts_of
from kernel.inbox import Delivery, subscribe
from services.shipping.domain import decisions
from services.shipping.storage import table
from services.shipping.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS


def create_shipment(delivery: Delivery) -> None:
    """Create the order's shipment, of the lines that the order itself states, unless it is there, or the order is cancelled.

    Raises InvalidEventError for an order that never was confirmed, and what `facts_of` raises.
    """
    event = delivery.event
    assert event.order_id is not None
    if table.shipments().get(event.order_id) is not None:
        return
    order = facts_of("order", event.order_id)
    if order is None or not order["confirmed"]:
        raise contradicted(event, "order", order)
    if order["revoked"]:
        return

    def step(row: Row | None) -> Decision | None:
        return decisions.create(row, event, order["lines"], clock.now())

    table.shipments().create_or_apply(
        event.order_id, step, Causation(event.correlation_id, event.event_id), presume_absent=True
    )


def handler(event: Mapping[str, object], context: object) -> dict[str, object]:
    """Consume the orders queue's batch. Return a partial batch response."""
    return subscribe(event, dict.fromkeys(SUBSCRIPTIONS["orders"], create_shipment), REPLAY_POLICY["orders"])
