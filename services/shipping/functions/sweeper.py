"""The sweeper: every minute it retries the bookings that the queue left behind, or queries parcels, without end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.clients import Clients
from kernel.entrypoints import bootstrap_republish, move_each, sweep
from kernel.handler import Handler, lambda_handler
from services.shipping.carriers.factory import CarrierFactory, carrier_of
from services.shipping.storage.table import Shipments
from services.shipping.use_cases.carrier_calls import CarrierCalls
from services.shipping.use_cases.parcel_steps import parcel_steps_of

BUDGET: Final = timedelta(seconds=30)
"""How long a sweep begins shipments; the rest is for the last one (24 s if neither `contact` nor the carrier responds)."""
PER_SHARD: Final = 25
"""How many shipments of a shard are taken in turn, so that no shard waits for another."""
LEFT_TO_THE_QUEUE: Final = timedelta(minutes=2)
"""How long a scheduled sweep leaves a due shipment to the queue: its longest delay, a minute, and the first retries."""
SCHEDULE: Final = "aws.events"
"""The `source` of the events of a schedule."""


@dataclass(frozen=True)
class DueShipments:
    """The shipments that a sweep takes up: those that have been due for `left_alone`."""

    shipments: Shipments
    calls: CarrierCalls
    left_alone: timedelta = timedelta(0)
    per_shard: int = PER_SHARD

    def order_ids(self) -> Iterator[str]:
        """Yield the order ids of the shipments, each once, until none is left or the sweep's time is up.

        While the calls to the carrier are paused, no shipment can move: then there is none.
        """
        started = clock.now()
        seen: set[str] = set()
        more = True
        while more:
            more = False
            for order_id in self.shipments.due(started - self.left_alone, self.per_shard):
                if clock.now() >= started + BUDGET or self.calls.are_paused():
                    return
                if order_id not in seen:
                    more = True
                    seen.add(order_id)
                    yield order_id


def bootstrap(clients: Clients, environ: Mapping[str, str], make_carrier: CarrierFactory = carrier_of) -> Handler:
    """Return the sweep's handler. It may run at any time, also beside another sweep, and returns how much it did.

    A scheduled sweep leaves to the queue what became due within LEFT_TO_THE_QUEUE; an operator's takes all that is due.
    """
    steps = parcel_steps_of(clients, environ, make_carrier)
    republish = bootstrap_republish(clients, environ)

    def handle(event: Mapping[str, object], context: object) -> dict[str, int]:
        left_alone = LEFT_TO_THE_QUEUE if event.get("source") == SCHEDULE else timedelta(0)
        due = DueShipments(steps.shipments, steps.calls, left_alone)
        return sweep(lambda: move_each(due.shipments, due.order_ids(), steps.move, "ShipmentsNotMoved"), republish)

    return handle


handler = lambda_handler(bootstrap)
