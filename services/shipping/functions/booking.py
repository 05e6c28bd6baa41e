"""The bookings' subscriber: it books each shipment with the carrier, as soon as the cancellation window has passed."""

from collections.abc import Mapping

from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from kernel.inbox import Delivery, queue_handler
from services.shipping.carriers.factory import CarrierFactory, carrier_of
from services.shipping.subscriptions import REPLAY_POLICY, SUBSCRIPTIONS
from services.shipping.use_cases.parcel_steps import parcel_steps_of


def bootstrap(clients: Clients, environ: Mapping[str, str], make_carrier: CarrierFactory = carrier_of) -> Handler:
    """Return the handler of the bookings queue. Its message only names the order: the row says what is left to do.

    A message whose booking fails is retried with back-off. The sweeper finds the shipment of a message that is lost.
    """
    steps = parcel_steps_of(clients, environ, make_carrier)

    def book(delivery: Delivery) -> None:
        steps.book(delivery.order_id)

    handlers = dict.fromkeys(SUBSCRIPTIONS["bookings"], book)
    return queue_handler(clients, environ, handlers, REPLAY_POLICY["bookings"])


handler = lambda_handler(bootstrap)
