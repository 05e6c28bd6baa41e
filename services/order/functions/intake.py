"""The intake: an OrderPlaced that a channel put on the bus becomes an order, by the same write as the API's."""

from collections.abc import Mapping

from kernel import clock
from kernel.clients import Clients
from kernel.events import DomainEvent
from kernel.handler import Handler, lambda_handler
from kernel.identifiers import CHANNEL, CHANNEL_FORM, PERSONAL, is_personal, personal_field, shown
from kernel.inbox import Delivery, queue_handler
from kernel.invalid_request import InvalidRequestError
from kernel.naming import CHANNEL_PREFIX
from kernel.schemas import InvalidEventError
from services.order.domain import identity, order_request
from services.order.domain.model import OrderRow
from services.order.domain.order_request import Placement
from services.order.schemas.consumed import ChannelOrderPlacedData
from services.order.storage.catalogue import Catalogue
from services.order.storage.table import Orders
from services.order.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS


class Intake:
    """Makes channels' events orders, at the catalogue's prices of the day."""

    def __init__(self, orders: Orders, catalogue: Catalogue) -> None:
        self.orders = orders
        self.catalogue = catalogue

    def accept(self, delivery: Delivery[ChannelOrderPlacedData]) -> None:
        """Create the order, once for each (channel, idempotency key).

        A known order is never priced again: a repeated message looks for its order first. A second message of the same event
        finds it if today's catalogue or a missing contact refuses it, or when it writes. Raises InvalidEventError for an event
        that can never become an order.
        """
        event = delivery.event
        check_ids(event)
        channel = channel_of(event)
        request = order_request.normalize_request(event.data)
        key = event.data["idempotency_key"]
        placement = Placement(identity.channel_scope(channel), channel, key, request, "async")
        known = self.orders.get(placement.order_id) if delivery.repeated else None
        if known is None:
            try:
                known = self._create(placement, delivery)
            except InvalidRequestError as refusal:
                known = self.orders.get(placement.order_id)
                if known is None:
                    name, field = f"OrderPlaced from {event.source}", f"data.{refusal.field}"
                    raise InvalidEventError(name, field, refusal.detail) from None
        if not placement.is_of(known["request_hash"]):
            reason = f"was used for another order ({known['order_id']}); nothing was changed"
            raise InvalidEventError(f"OrderPlaced from {event.source}", "data.idempotency_key", reason)

    def _create(self, placement: Placement, delivery: Delivery[ChannelOrderPlacedData]) -> OrderRow:
        """Price the order and create it; return its row, new or as it was. Raises InvalidRequestError."""
        order_request.reject_duplicate_skus(placement.request)
        lines = order_request.price(placement.request, self.catalogue.offer(placement.request))
        cause = delivery.causation
        decision = order_request.create(placement, lines, clock.now(), cause.correlation_id, cause.causation_id)
        return self.orders.create(placement.order_id, decision, cause)


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
    ids = {"event_id": event.event_id, "correlation_id": event.correlation_id, "causation_id": event.causation_id}
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


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the intake's queue."""
    table = environ["TABLE_NAME"]
    intake = Intake(Orders(clients.dynamodb, table), Catalogue(clients.dynamodb, table))
    return queue_handler(clients, environ, dict.fromkeys(SUBSCRIPTIONS["intake"], intake.accept), REPLAY_POLICY["intake"])


handler = lambda_handler(bootstrap)
