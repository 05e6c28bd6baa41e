"""The forms of the inventory's items. Times are in RFC 3339 (UTC)."""

from typing import TypedDict

from kernel.aggregate_store import AggregateRow, Decision, SweptAttributes
from kernel.statements import Quantity, Shortage


class ReservationAttributes(SweptAttributes, total=False):
    """The attributes that a reservation's decisions set. The tombstone, a release before its reserve, has no `lines`."""

    order_id: str
    correlation_id: str
    lines: list[Quantity]
    """The reserved lines, or the lines that the order waits for."""
    asked: list[Quantity]
    """The requested lines, if less than that is reserved."""
    backordered: bool
    """True if the order had to wait."""
    places: dict[str, int]
    """While the order waits, its place in the queue of each SKU. Without it, the queue is in the SKU's row."""
    shards: dict[str, int]
    """The shard in which the units of a SKU are held or sold. Without it, they are in the SKU's own row."""
    rejected: bool
    """True if the stock was too short, and the order was refused."""
    short: list[Shortage]
    """The SKUs that the order was refused for, or waits for. Once the stock is allocated, there are none."""


class ReservationRow(AggregateRow, ReservationAttributes):
    """A reservation as DynamoDB keeps it: `RES#<order_id>`."""


ReservationDecision = Decision[ReservationAttributes]


class ReplenishmentAttributes(SweptAttributes, total=False):
    """The attributes that the decision on a delivery sets."""

    replenishment_id: str
    items: list[Quantity]


class ReplenishmentRow(AggregateRow, ReplenishmentAttributes):
    """A delivery as DynamoDB keeps it: `REPL#<replenishment_id>`."""


class LevelAttributes(SweptAttributes, total=False):
    """The attributes that the decisions on a watched SKU set: less than `threshold` units available is low."""

    sku: str
    threshold: int


class LevelRow(AggregateRow, LevelAttributes):
    """The level of a watched SKU as DynamoDB keeps it: `LEVEL#<sku>`."""


LevelDecision = Decision[LevelAttributes]


class WaitingOrder(TypedDict):
    """An order that waits for `quantity` units of a SKU, in the queue that an older version stored in the SKU's row."""

    order_id: str
    quantity: int


class SkuRow(TypedDict):
    """A SKU's counters in units, and the bounds of the queue of orders that wait for it."""

    sku: str
    available: int
    held: int
    sold: int
    replenished: int
    waited_for: int
    """The units that the waiting orders need."""
    first_place: int
    """No order waits at a place before this one."""
    next_place: int
    """The place of the next order that joins the queue."""
    shards: int
    """The number of shards beside this row; 0 if the stock is not split."""
    merging: int
    """That number while a merge goes on; 0 if none does."""
    splits: int
    """How often the SKU was split: the generation of its shards."""
    waiting: list[WaitingOrder]
    """The orders that an older version let wait, first come first; they come before all places."""
    watched: bool
    """Whether the SKU has a threshold, in `LEVEL#<sku>`."""


class ShardRow(TypedDict):
    """A row of a split SKU beside its own, as DynamoDB keeps it: `SHARD#<sku>#<number>`. Counters are in units."""

    pk: str
    sku: str
    shard_number: int
    available: int
    held: int
    sold: int
    replenished: int
    """The units that came into this row, less those that left it for the SKU's own row."""


class PlaceRow(TypedDict):
    """A place in the queue of a SKU, as DynamoDB keeps it: `PLACE#<sku>#<place>`. Its order waits for `quantity` units."""

    pk: str
    sku: str
    place: int
    order_id: str
    quantity: int
