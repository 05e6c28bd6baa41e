"""Back-orders: orders that wait for stock, served first come, first served, each as soon as all of its stock is there."""

from dataclasses import dataclass

from kernel.aggregate_store import Causation
from services.inventory.domain import decisions, states
from services.inventory.storage.skus import Skus
from services.inventory.storage.table import Reservations


@dataclass(frozen=True)
class Backorders:
    """The orders that wait for stock."""

    skus: Skus
    reservations: Reservations

    def serve(self, sku: str) -> int:
        """Allocate the SKU's available stock to the orders in its queue; return how many orders were served.

        Stock stays reserved for a waiting order even while another of its SKUs is missing.
        """
        stock = self.skus.get(sku)
        if stock is None:
            return 0
        left, served = stock["available"], 0
        for waiting in stock["waiting"]:
            left -= waiting["quantity"]
            if left < 0:
                break
            served += self._allocate(waiting["order_id"])
        return served

    def _allocate(self, order_id: str) -> bool:
        waiting = self.reservations.get(order_id)
        if waiting is None or waiting["status"] != states.WAITING:
            return False
        causation = Causation(waiting["correlation_id"], f"{waiting['pk']}#{waiting['version']}")
        return self.reservations.apply_step(order_id, decisions.allocate, causation)["status"] == states.HELD
