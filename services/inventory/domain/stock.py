"""Stock: quantities of SKUs, and their moves between the counters of a SKU's item."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from kernel.errors import RejectedError, RetryableError
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
MAX_PAIRED_SKUS: Final = 49
"""The most SKUs of a step with two actions for each: a place beside the SKU's row, or a shard beside it."""
MAX_ROWS: Final = 99
"""The most shards of a SKU: one transaction writes them all and the SKU's own row."""
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
    """The row of a SKU or of a shard: its counters, the units that back-orders wait for, and the next place in their queue.

    `queue` holds the back-orders that an older version stored in the row, first come first. They come before all places.
    `shards` is the number of shards beside a SKU's row, `merging` that of a merge that goes on; 0 if there are none.
    A SKU that is `watched` has a threshold, so its row must become due when less of it is available.
    """

    available: int = 0
    held: int = 0
    sold: int = 0
    waited_for: int = 0
    next_place: int = 0
    queue: tuple[Waiting, ...] = ()
    shards: int = 0
    merging: int = 0
    watched: bool = False

    @property
    def free(self) -> int:
        """The units that are available to a new order."""
        return max(0, self.available - self.waited_for)


ObservedStock = Mapping[str, Stock]
"""By row (`row_of`), the stock that refused a transaction. Missing rows did not refuse it; nothing else is known of them."""


def row_of(sku: str, shard: int) -> str:
    """Return the name of a row of stock: `MUG` for the SKU's own row, which is shard 0, and `MUG#2` for its shard 2."""
    return f"{sku}#{shard}" if shard else sku


@dataclass(frozen=True)
class Home:
    """The shard in which an order reserves a SKU, 0 for the SKU's own row, and the number of shards: 1 without a split.

    `watched`: the SKU is known to be watched.
    """

    shard: int
    of: int
    watched: bool = False


Homes = dict[str, Home]
"""The home of each SKU of an order."""


@dataclass(frozen=True)
class Move:
    """`quantity` units of `sku` move from one counter of a shard to another, or from outside the stock if `source` is None.

    The source must have `quantity` and `reserved_for_queue` units. From AVAILABLE, the latter stay for the
    waiting orders, which must not need more. `is_whole`: the SKU must not be split. From AVAILABLE of a SKU's own row, the SKU
    must not be watched, unless it is known to be `watched`.
    """

    sku: str
    quantity: int
    source: str | None
    target: str
    reserved_for_queue: int = 0
    shard: int = 0
    is_whole: bool = False
    watched: bool = False

    @property
    def row(self) -> str:
        """The name of the row that the move changes."""
        return row_of(self.sku, self.shard)


@dataclass(frozen=True)
class Return:
    """`quantity` units of `sku`, held or sold in a shard beside the SKU's row, become available in the SKU's row."""

    sku: str
    quantity: int
    source: str
    shard: int

    @property
    def row(self) -> str:
        """The name of the row that the units leave."""
        return row_of(self.sku, self.shard)


@dataclass(frozen=True)
class Join:
    """An order takes `place` in the queue of `sku`, to wait for `quantity` units; the place must be the next one."""

    sku: str
    quantity: int
    order_id: str
    place: int

    @property
    def row(self) -> str:
        """The name of the row that the order needs: the SKU's own, which must not be split and not be merging."""
        return self.sku


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

    @property
    def row(self) -> str:
        """The name of the row that the order leaves: the SKU's own."""
        return self.sku


@dataclass(frozen=True)
class Dequeue:
    """Remove an order from the `queue` in the SKU's row, as it was seen; if `served`, allocate its quantity."""

    sku: str
    order_id: str
    queue: tuple[Waiting, ...]
    served: bool

    @property
    def row(self) -> str:
        """The name of the row that the order leaves: the SKU's own."""
        return self.sku

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


StockChange = Move | Return | Join | Leave | Dequeue
"""The effect of a step on the rows of one SKU."""


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
    for position, line in enumerate(lines):
        for name in ("sku", "quantity"):
            if not isinstance(line, Mapping) or name not in line:
                raise InvalidLinesError(f"line {position} has no {name}")
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
    """Return the moves of all quantities from one counter to another in the SKUs' own rows."""
    return tuple(Move(sku, quantity, source, target) for sku, quantity in quantities.items())


def holds(quantities: Quantities, homes: Homes, seen: ObservedStock) -> tuple[Move, ...]:
    """Reserve all of `quantities` for a new order, each in its home, beside the units that earlier orders wait for."""
    moves = []
    for sku, quantity in quantities.items():
        home = homes[sku]
        row = row_of(sku, home.shard)
        beside = seen[row].waited_for if row in seen else 0
        moves.append(Move(sku, quantity, AVAILABLE, HELD, beside, home.shard, home.of == 1, home.watched))
    return tuple(moves)


def free(quantities: Quantities, homes: Homes, seen: ObservedStock) -> Quantities:
    """Return as much of `quantities` as a new order can have."""
    found = {
        sku: min(quantity, seen[sku].free) if homes[sku].of == 1 and sku in seen else quantity
        for sku, quantity in quantities.items()
    }
    return {sku: quantity for sku, quantity in found.items() if quantity}


def shortages(quantities: Quantities, homes: Homes, seen: ObservedStock) -> list[Shortage]:
    """Return the SKUs without enough free stock for a new order. A SKU that is split is merged before it is short."""
    return [
        {"sku": sku, "requested": quantity, "available": seen[sku].free}
        for sku, quantity in quantities.items()
        if homes[sku].of == 1 and sku in seen and seen[sku].free < quantity
    ]


class SplitShortError(RetryableError):
    """A SKU whose rows have too little, one by one, or that is split where an order must wait. `sku` must be merged first."""

    def __init__(self, sku: str) -> None:
        super().__init__(sku)
        self.sku = sku


def homes(
    quantities: Quantities, seen: ObservedStock, known: Mapping[str, int], turn: int, watched: Container[str] = ()
) -> Homes:
    """Return the row in which each SKU is to be reserved: from the shard of the turn on, the first not seen to be short.

    The SKU's own row comes last. `known` has the number of shards of SKUs that are known to be split; the SKU's own row, once
    seen, is right. An order of more than MAX_PAIRED_SKUS takes the SKUs' own rows, because its release has one action for
    each. `watched` has SKUs that are known to be watched. Raises SplitShortError.
    """
    found: Homes = {}
    for sku, quantity in quantities.items():
        rows = (seen[sku].shards if sku in seen else known.get(sku, 0)) or 1
        beside = rows if rows > 1 and len(quantities) <= MAX_PAIRED_SKUS else 0
        ring = [*((turn + step) % beside + 1 for step in range(beside)), 0]
        left = [shard for shard in ring if row_of(sku, shard) not in seen or seen[row_of(sku, shard)].free >= quantity]
        if not left and (rows > 1 or seen[sku].merging):
            raise SplitShortError(sku)
        is_watched = seen[sku].watched if sku in seen else sku in watched
        found[sku] = Home(left[0] if left else 0, rows, is_watched)
    return found


def check_whole(quantities: Quantities, homes: Homes, seen: ObservedStock) -> None:
    """Check that no SKU is split or merging, as an order that waits for it needs. Raises SplitShortError."""
    for sku in quantities:
        if homes[sku].of > 1 or (sku in seen and seen[sku].merging):
            raise SplitShortError(sku)


def joins(quantities: Quantities, seen: ObservedStock, order_id: str) -> tuple[Join, ...]:
    """Return the order's next places in the queues. A SKU that was not seen has no queue yet; the transaction checks it."""
    return tuple(
        Join(sku, quantity, order_id, seen[sku].next_place if sku in seen else 0) for sku, quantity in quantities.items()
    )


def queue_of(sku: str, order_id: str, quantity: int, seen: ObservedStock) -> tuple[Waiting, ...]:
    """Return the orders that wait for the SKU. If that was not seen, return the order alone; the transaction checks it."""
    return seen[sku].queue if sku in seen else (Waiting(order_id, quantity),)
