"""The sweeper: every minute it retries the bookings that the queue left behind, or queries parcels, without end."""

from collections.abc import Mapping
from datetime import timedelta
from threading import Event
from typing import Final

from kernel import clock
from kernel.clients import Clients
from kernel.entrypoints import bootstrap_republish, move_each, sweep
from kernel.handler import Handler, lambda_handler
from kernel.index_shards import share_in
from kernel.settings import from_environment
from kernel.workers import SweepSettings
from services.shipping.carriers.factory import CarrierFactory, carrier_of
from services.shipping.use_cases.carrier_calls import CarrierPausedError
from services.shipping.use_cases.parcel_steps import parcel_steps_of

PER_SHARD: Final = 2000
"""How many shipments of a shard one sweep takes; the rest come first in the next."""
LEFT_TO_THE_QUEUE: Final = timedelta(minutes=2)
"""How long a scheduled sweep leaves a due shipment to the queue: its longest delay, a minute, and the first retries."""
SCHEDULE: Final = "aws.events"
"""The `source` of the events of a schedule."""


def bootstrap(clients: Clients, environ: Mapping[str, str], make_carrier: CarrierFactory = carrier_of) -> Handler:
    """Return the sweep's handler. It may run at any time, also beside another sweep, and returns how much it did.

    A scheduled sweep leaves to the queue what became due within LEFT_TO_THE_QUEUE; an operator's takes all that is due.
    """
    steps = parcel_steps_of(clients, environ, make_carrier)
    republish = bootstrap_republish(clients, environ)
    at_once = from_environment(SweepSettings, environ).sweep_at_once

    def handle(event: Mapping[str, object], context: object) -> dict[str, int]:
        begun, share = clock.now(), share_in(event)
        left_alone = LEFT_TO_THE_QUEUE if event.get("source") == SCHEDULE else timedelta(0)
        due = steps.shipments.due(begun - left_alone, PER_SHARD, share=share)
        paused = Event()

        def move(order_id: str) -> bool:
            """Move the shipment, unless a row of this sweep has found the calls to the carrier paused."""
            try:
                return not paused.is_set() and steps.move(order_id)
            except CarrierPausedError:
                paused.set()
                return False

        return sweep(
            lambda: move_each(steps.shipments, due, move, "ShipmentsNotMoved", begun=begun, at_once=at_once),
            lambda: republish(share),
        )

    return handle


handler = lambda_handler(bootstrap)
