"""A stranger who puts forged events where consumers find them. The other invariants still hold: no forged event moves anything.

Bus and queue policies keep strangers out of a stage; here the consumers alone stand in the way. The events have valid schemas,
true order ids and the correlation that the order has. The archive does not have them, so that no replay brings them back.
"""

import copy
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from simulation.engine.scheduler import SECOND

if TYPE_CHECKING:
    from simulation.stage.world import World

STRANGER: Final = "stranger"
"""The ids of forged events begin so."""
ATTEMPTS: Final = 12
FORGED: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("order", "OrderConfirmed"): {"lines": [{"sku": "SKU-0", "quantity": 100}]},
    ("order", "OrderCancelled"): {"confirmed": True},
    ("order", "OrderCancelRequested"): {},
    ("shipping", "ShipmentDispatched"): {},
    ("shipping", "ShipmentDelivered"): {},
    ("shipping", "ShipmentCancelled"): {},
    ("shipping", "ShipmentFailed"): {},
    ("payment", "PaymentRefunded"): {},
    ("inventory", "StockAllocated"): {},
    ("inventory", "StockReleased"): {"restocked": True},
}
"""The forged events, by service and detail-type, with the data that would do the most harm."""


class Stranger:
    """A stranger that sends to the queues of a random world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.chance = world.chance

    def run(self) -> None:
        """Spawn its attempts, spread over the first minutes."""
        for number in range(ATTEMPTS):
            after = int(self.chance.between(f"{STRANGER} {number} when", 0.5, 180.0) * SECOND)
            self.world.spawn(f"{STRANGER} {number}", partial(self._forge, number), after=after)

    def _forge(self, number: int) -> None:
        orders = self.world.invariants.record.orders
        if not orders:
            return
        name = f"{STRANGER} {number}"
        order_id = self.chance.choice(f"{name} order", sorted(orders))
        service, detail_type = self.chance.choice(f"{name} event", sorted(FORGED))
        schemas, source = import_module("kernel.schemas"), f"orderflow.{service}"
        version = schemas.newest_version(source, detail_type)
        detail = copy.deepcopy(schemas.read_schemas()[source, detail_type, version]["examples"][0])
        detail["metadata"] |= {
            "event_id": f"{STRANGER}#{number}#1",
            "order_id": order_id,
            "correlation_id": orders[order_id]["correlation_id"]["S"],
        }
        detail["data"] |= FORGED[service, detail_type]
        self.world.bus.forge(source, detail_type, detail)
