"""Stock: quantities of SKUs, and their moves between the counters of a SKU's item."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from kernel.errors import RejectedError
from kernel.identifiers import ID_FORM, PERSONAL, SKU, is_personal, shown
from kernel.statements import Quantity, Shortage

Quantities = dict[str, int]
"""How many of each SKU."""

AVAILABLE, HELD, SOLD, REPLENISHED = "available", "held", "sold", "replenished"
COUNTERS: Final = (AVAILABLE, HELD, SOLD, REPLENISHED)
"""At every moment available + held + sold = replenished, and none is negative."""

MAX_SKUS: Final = 50
"""The most SKUs of an order or delivery: a transaction takes 100 actions, and the reservation is one of them."""
MAX_QUANTITY: Final = 1_000_000
MAX_WAITED_SKUS: Final = 49
"""The most SKUs that a back-order may wait for: its transaction has two actions for each, its SKU's and its place's."""
SKU_PATTERN: Final = SKU


class InvalidLinesError(RejectedError, ValueError):
    """Lines that no order or delivery can have: a bug in the caller."""


@dataclass(frozen=True)
class Waiting:
    """An order that waits for `quantity` of a SKU, in the queue that an older version stored in the SKU's item."""

    order_id: str
    quantity: int


@dataclass(frozen=True)
class Stock:
    """The row of a SKU: its counters, the units that back-orders wait for, and the next place in their queue.

    `queue` holds the back-orders that an older version stored in the row, first come first. They come before all places.
    """

    available: int = 0
    held: int = 0
    sold: int = 0
    waited_for: int = 0
    next_place: int = 0
    queue: tuple[Waiting, ...] = ()

    @property
    def free(self) -> int:
        """The units that are available to a new order."""
        return max(0, self.available - self.waited_for)


ObservedStock = Mapping[str, Stock]
"""By SKU, the stock that refused a transaction. Missing SKUs did not refuse it; nothing else is known of them."""


@dataclass(frozen=True)
class Move:
    """`quantity` units of `sku` move from one counter to another, or from outside the stock if `source` is None.

    The source must have `quantity` and `reserved_for_queue` units. From AVAILABLE, the latter stay for the
    waiting orders, which must not need more.
    """

    sku: str
    quantity: int
    source: str | None
    target: str
    reserved_for_queue: int = 0


@dataclass(frozen=True)
class Join:
    """An order takes `place` in the queue of `sku`, to wait for `quantity` units; the place must be the next one."""

    sku: str
    quantity: int
    order_id: str
    place: int


@dataclass(frozen=True)
class Leave:
    """An order leaves its `place` in the queue of `sku`; if it is served, its quantity is allocated.

    `ahead` is the number of units that earlier orders wait for, at most, or None if the order is not served.
    """

    sku: str
    quantity: int
    order_id: str
    place: int
    ahead: int | None


@dataclass(frozen=True)
class Dequeue:
    """Remove an order from the `queue` in the SKU's row, as it was seen; if `served`, allocate its quantity."""

    sku: str
    order_id: str
    queue: tuple[Waiting, ...]
    served: bool

    @property
    def quantity(self) -> int:
        """The units that the order waited for."""
        return next(waiting.quantity for waiting in self.queue if waiting.order_id == self.order_id)

    @property
    def ahead(self) -> int:
        """The units that earlier orders wait for."""
        position = [waiting.order_id for waiting in self.queue].index(self.order_id)
        return sum(waiting.quantity for waiting in self.queue[:position])

    @property
    def left(self) -> tuple[Waiting, ...]:
        """The queue without the order."""
        return tuple(waiting for waiting in self.queue if waiting.order_id != self.order_id)


StockChange = Move | Join | Leave | Dequeue
"""The effect of a step on the row of one SKU."""


def check_sku(sku: object) -> str:
    """Return the SKU if it is valid. Raises InvalidLinesError."""
    if not isinstance(sku, str) or not SKU_PATTERN.fullmatch(sku):
        raise InvalidLinesError(f"{shown(sku)} is not a SKU: it {ID_FORM}")
    if is_personal(sku):
        raise InvalidLinesError(f"a SKU {PERSONAL}")
    return sku


def merge(lines: Iterable[Mapping[str, object]]) -> Quantities:
    """Add up the quantities of `lines`, each `{"sku", "quantity"}`, by SKU. Raises InvalidLinesError."""
    merged: Quantities = {}
    for line in lines:
        sku, quantity = check_sku(line["sku"]), line["quantity"]
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
            raise InvalidLinesError(f"the quantity of {sku} is {quantity!r}; it must be an integer from 1")
        merged[sku] = merged.get(sku, 0) + quantity
        if merged[sku] > MAX_QUANTITY:
            raise InvalidLinesError(f"{merged[sku]} of {sku}; at most {MAX_QUANTITY}")
    if not 1 <= len(merged) <= MAX_SKUS:
        raise InvalidLinesError(f"{len(merged)} SKUs; it must be 1 to {MAX_SKUS}")
    return dict(sorted(merged.items()))


def as_lines(quantities: Quantities) -> list[Quantity]:
    """Return the lines of rows and events, one for each SKU."""
    return [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]


def moves(quantities: Quantities, source: str | None, target: str) -> tuple[Move, ...]:
    """Return the moves of all quantities from one counter to another."""
    return tuple(Move(sku, quantity, source, target) for sku, quantity in quantities.items())


def holds(quantities: Quantities, seen: ObservedStock) -> tuple[Move, ...]:
    """Reserve all of `quantities` for a new order, beside the units that earlier orders wait for."""
    return tuple(
        Move(sku, quantity, AVAILABLE, HELD, seen[sku].waited_for if sku in seen else 0) for sku, quantity in quantities.items()
    )


def free(quantities: Quantities, seen: ObservedStock) -> Quantities:
    """Return as much of `quantities` as a new order can have."""
    found = {sku: min(quantity, seen[sku].free) if sku in seen else quantity for sku, quantity in quantities.items()}
    return {sku: quantity for sku, quantity in found.items() if quantity}


def shortages(quantities: Quantities, seen: ObservedStock) -> list[Shortage]:
    """Return the SKUs without enough free stock for a new order."""
    return [
        {"sku": sku, "requested": quantity, "available": seen[sku].free}
        for sku, quantity in quantities.items()
        if sku in seen and seen[sku].free < quantity
    ]


def joins(quantities: Quantities, seen: ObservedStock, order_id: str) -> tuple[Join, ...]:
    """Return the order's next places in the queues. A SKU that was not seen has no queue yet; the transaction checks it."""
    return tuple(
        Join(sku, quantity, order_id, seen[sku].next_place if sku in seen else 0) for sku, quantity in quantities.items()
    )


def queue_of(sku: str, order_id: str, quantity: int, seen: ObservedStock) -> tuple[Waiting, ...]:
    """Return the orders that wait for the SKU. If that was not seen, return the order alone; the transaction checks it."""
    return seen[sku].queue if sku in seen else (Waiting(order_id, quantity),)
