"""Stock: quantities of SKUs, and their moves between the counters of a SKU's row."""

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
"""In one order or replenishment: a transaction takes 100 actions, and the reservation is one of them."""
MAX_QUANTITY: Final = 1_000_000
MAX_WAITING: Final = 100
"""Orders that may wait for one SKU: they stand in its row, which every sale writes."""
SKU_PATTERN: Final = SKU


class InvalidLinesError(RejectedError, ValueError):
    """Lines that no order or delivery can have: a bug in the caller."""


@dataclass(frozen=True)
class Waiting:
    """An order that waits for `quantity` of a SKU."""

    order_id: str
    quantity: int


@dataclass(frozen=True)
class Stock:
    """The row of a SKU: its counters, and the orders that wait for it, first come first."""

    available: int = 0
    held: int = 0
    sold: int = 0
    queue: tuple[Waiting, ...] = ()

    @property
    def waited_for(self) -> int:
        """How many are wanted by those who wait."""
        return sum(waiting.quantity for waiting in self.queue)

    @property
    def free(self) -> int:
        """The units that are available to a new order."""
        return max(0, self.available - self.waited_for)


Seen = Mapping[str, Stock]
"""By SKU, what a transaction found that it was refused by. Of other SKUs nothing is known but that they refused nothing."""


@dataclass(frozen=True)
class Move:
    """`quantity` of `sku` from one counter, which must have so many and `beside` more, to another; from None, from outside.

    Units that move from AVAILABLE to a new order leave `beside` to the waiting orders, which must not have become more.
    """

    sku: str
    quantity: int
    source: str | None
    target: str
    beside: int = 0


@dataclass(frozen=True)
class Join:
    """An order begins to wait for `quantity` of `sku`, behind all who do, if they are not too many."""

    sku: str
    quantity: int
    order_id: str


@dataclass(frozen=True)
class Leave:
    """An order waits for `sku` no longer, in the `queue` that was seen; `served`: it gets what it waited for."""

    sku: str
    order_id: str
    queue: tuple[Waiting, ...]
    served: bool

    @property
    def quantity(self) -> int:
        """How many it waited for."""
        return next(waiting.quantity for waiting in self.queue if waiting.order_id == self.order_id)

    @property
    def ahead(self) -> int:
        """How many those wait for who came before."""
        position = [waiting.order_id for waiting in self.queue].index(self.order_id)
        return sum(waiting.quantity for waiting in self.queue[:position])

    @property
    def left(self) -> tuple[Waiting, ...]:
        """The queue without it."""
        return tuple(waiting for waiting in self.queue if waiting.order_id != self.order_id)


Part = Move | Join | Leave
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
    """All of `quantities` from one counter to another."""
    return tuple(Move(sku, quantity, source, target) for sku, quantity in quantities.items())


def holds(quantities: Quantities, seen: Seen) -> tuple[Move, ...]:
    """Reserve all of `quantities` for a new order, beside the units that earlier orders wait for."""
    return tuple(
        Move(sku, quantity, AVAILABLE, HELD, seen[sku].waited_for if sku in seen else 0) for sku, quantity in quantities.items()
    )


def free(quantities: Quantities, seen: Seen) -> Quantities:
    """Return as much of `quantities` as a new order can have."""
    found = {sku: min(quantity, seen[sku].free) if sku in seen else quantity for sku, quantity in quantities.items()}
    return {sku: quantity for sku, quantity in found.items() if quantity}


def shortages(quantities: Quantities, seen: Seen) -> list[Shortage]:
    """Return the SKUs without enough free stock for a new order."""
    return [
        {"sku": sku, "requested": quantity, "available": seen[sku].free}
        for sku, quantity in quantities.items()
        if sku in seen and seen[sku].free < quantity
    ]


def crowded(quantities: Quantities, seen: Seen) -> bool:
    """Whether as many wait for some of the SKUs as may."""
    return any(sku in seen and len(seen[sku].queue) >= MAX_WAITING for sku in quantities)


def queue_of(sku: str, order_id: str, quantity: int, seen: Seen) -> tuple[Waiting, ...]:
    """Return the orders that wait for the SKU. If that was not seen, return the order alone; the transaction checks it."""
    return seen[sku].queue if sku in seen else (Waiting(order_id, quantity),)
