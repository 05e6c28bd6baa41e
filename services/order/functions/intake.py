"""The intake: an OrderPlaced that a channel put on the bus becomes an order, by the same write as the API's."""

from collections.abc import Mapping

from kernel import clock
from kernel.aggregate_store import Causation
from kernel.events import DomainEvent
from kernel.identifiers import CHANNEL, CHANNEL_FORM, PERSONAL, is_personal, personal_field, shown
from kernel.inbox import Delivery, subscribe
from kernel.naming import CHANNEL_PREFIX
from kernel.problem_details import InvalidRequestError
from kernel.schemas import InvalidEventError
from services.order.domain import identity, order_request
from services.order.domain.model import OrderRow
from services.order.domain.order_request import Placement
from services.order.schemas.consumed import ChannelOrderPlacedData
from services.order.storage import table
from services.order.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS


def accept(delivery: Delivery[ChannelOrderPlacedData]) -> None:
    """Create the order, once for each (channel, idempotency key). Raises InvalidEventError for what can never become one.

    A known order is never priced again: a repeated message looks for its order first. A second message of the same event
    finds it where today's catalogue or a missing contact refuses it, or where the write does.
    """
    event = delivery.event
    check_ids(event)
    channel = channel_of(event)
    request = order_request.normalize_request(event.data)
    key = event.data["idempotency_key"]
    placement = Placement(identity.channel_scope(channel), channel, key, request, "async")
    orders = table.orders()
    known = orders.get(placement.order_id) if delivery.repeated else None
    if known is None:
        try:
            known = _create(placement, event)
        except InvalidRequestError as refusal:
            known = orders.get(placement.order_id)
            if known is None:
                raise InvalidEventError(f"OrderPlaced from {event.source}", f"data.{refusal.field}", refusal.detail) from None
    if known["request_hash"] != placement.request_hash:
        reason = f"was used for another order ({known['order_id']}); nothing was changed"
        raise InvalidEventError(f"OrderPlaced from {event.source}", "data.idempotency_key", reason)


def channel_of(event: DomainEvent) -> str:
    """Return the name of the channel that published the event."""
    return event.source.removeprefix(CHANNEL_PREFIX)


def check_ids(event: DomainEvent[ChannelOrderPlacedData]) -> None:
    """Refuse a channel that may not be called so, and ids with control characters or personal data.

    Raises InvalidEventError.
    """
    name, channel = f"OrderPlaced from {shown(event.source)}", channel_of(event)
    if not CHANNEL.fullmatch(channel) or is_personal(channel):
        raise InvalidEventError(name, "source", CHANNEL_FORM)
    ids = {"event_id": event.event_id, "correlation_id": event.correlation_id}
    where = personal_field({"metadata": ids, "data": event.data})
    if where is not None:
        raise InvalidEventError(name, where, PERSONAL)
    for field, text in {
        "metadata.event_id": event.event_id,
        "metadata.correlation_id": event.correlation_id,
        "data.idempotency_key": event.data["idempotency_key"],
    }.items():
        if not text.isprintable():
            raise InvalidEventError(name, field, "must have printable characters only")


def _create(placement: Placement, event: DomainEvent) -> OrderRow:
    """Price the order by today's catalogue and create it; return its row, new or as it was. Raises InvalidRequestError."""
    order_request.reject_duplicate_skus(placement.request)
    lines = order_request.price(placement.request, table.offer(placement.request))
    change = order_request.create(placement, lines, clock.now(), event.correlation_id, event.event_id)
    return table.orders().create(placement.order_id, change, Causation(event.correlation_id, event.event_id))


def handler(event: Mapping[str, object], context: object) -> dict[str, object]:
    """Consume the intake queue's batch. Return a partial batch response."""
    return subscribe(event, dict.fromkeys(SUBSCRIPTIONS["intake"], accept), REPLAY_POLICY["intake"])
