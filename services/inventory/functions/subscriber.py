"""The cancellations' subscriber: it restocks the goods of a confirmed order that is cancelled, once."""

from collections.abc import Mapping

from kernel.aggregate_store import Causation
from kernel.facts import contradicted, facts_of
from kernel.inbox import Delivery, subscribe
from services.inventory.domain import decisions, states
from services.inventory.storage import table
from services.inventory.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS


def restock(delivery: Delivery) -> None:
    """Take the order's goods back. If they are back, the order asks again: it has not had the answer.

    They come back only if the order itself says that it is cancelled after its confirmation. Raises InvalidEventError if it
    does
    not, and what `facts_of` raises.
    """
    event = delivery.event
    if not event.data["confirmed"]:
        return
    assert event.order_id is not None
    reservations = table.reservations()
    row = reservations.get(event.order_id)
    if row is not None and row["status"] == states.RESTOCKED:
        if delivery.is_live:
            reservations.republish_said(event.order_id, row)
        return
    if row is not None and row["status"] != states.COMMITTED:
        return
    order = facts_of("order", event.order_id)
    if row is None or order is None or not order["revoked"]:
        raise contradicted(event, "order", order)
    reservations.move(event.order_id, decisions.restock, Causation(event.correlation_id, event.event_id))


def handler(event: Mapping[str, object], context: object) -> dict[str, object]:
    """Consume the cancellations queue's batch. Return a partial batch response."""
    return subscribe(event, dict.fromkeys(SUBSCRIPTIONS["cancellations"], restock), REPLAY_POLICY["cancellations"])
