"""Back-orders: orders that wait for stock, served first come, first served, each as soon as all of its stock is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from kernel import clock, logs
from kernel.aggregate_store import Causation
from kernel.logs import logger
from services.inventory.domain import decisions, states
from services.inventory.domain.model import SkuRow
from services.inventory.domain.stock import Quantities
from services.inventory.storage.places import Places
from services.inventory.storage.skus import Skus
from services.inventory.storage.table import Reservations


@dataclass(frozen=True)
class Waiting:
    """An order in a queue, the units that it waits for, and its place."""

    order_id: str
    quantity: int
    place: int


@dataclass(frozen=True)
class Served:
    """The state of a queue after it was served: whether its end or its available stock was reached, and its first place.

    `failure` is the error of the first order that could not be served; then the queue is not complete.
    """

    complete: bool
    first_place: int
    failure: Exception | None = None


@dataclass(frozen=True)
class Backorders:
    """The orders that wait for stock."""

    skus: Skus
    places: Places
    reservations: Reservations

    def serve(self, sku: str, until: datetime) -> Served:
        """Allocate the SKU's available stock to the orders in its queue, first come, first served.

        Stock stays reserved for a waiting order even while another of its SKUs is missing, and for one that cannot be served,
        which stops none behind it. After `until`, no further order is served. Raises UnreadRowsError.
        """
        stock = self.skus.get(sku)
        if stock is None:
            return Served(complete=True, first_place=0)
        failure: Exception | None = None
        left, ahead, first = stock["available"], 0, None
        for waiting in self._queue(stock, stock["next_place"]):
            if clock.now() >= until:
                return Served(complete=False, first_place=stock["first_place"], failure=failure)
            left -= waiting.quantity
            try:
                if left >= 0 and self._allocate(waiting.order_id, {sku: ahead}):
                    continue
            except Exception as fault:  # the boundary of an order
                logger.exception("back-order not served", order_id=waiting.order_id, sku=sku)
                failure = failure or fault
            ahead += waiting.quantity
            first = waiting.place if first is None else first
            if left < 0:
                break
        return Served(failure is None, stock["next_place"] if first is None else first, failure)

    def _queue(self, stock: SkuRow, end: int) -> Iterator[Waiting]:
        """Yield the orders in a SKU's queue to before the place `end`: those in its row, then those with a place."""
        for waiting in stock["waiting"]:
            yield Waiting(waiting["order_id"], waiting["quantity"], stock["first_place"])
        for row in self.places.between(stock["sku"], stock["first_place"], end):
            yield Waiting(row["order_id"], row["quantity"], row["place"])

    def _allocate(self, order_id: str, known: Quantities) -> bool:
        """Allocate the order's stock; `known` has, by SKU, the units that earlier orders wait for."""
        waiting = self.reservations.get(order_id)
        if waiting is None or waiting["status"] != states.WAITING:
            return False
        ahead = {sku: self._ahead(sku, place) for sku, place in waiting.get("places", {}).items() if sku not in known} | known
        causation = Causation(waiting["correlation_id"], f"{waiting['pk']}#{waiting['version']}")
        with logs.about(order_id=order_id):
            logs.follow(causation.correlation_id, causation.causation_id)
            row = self.reservations.apply_step(order_id, lambda row, seen: decisions.allocate(row, seen, ahead), causation)
        return row["status"] == states.HELD

    def _ahead(self, sku: str, place: int) -> int:
        """Return the units of the SKU that orders before the place wait for."""
        stock = self.skus.get(sku)
        return sum(waiting.quantity for waiting in self._queue(stock, place)) if stock else 0
