"""The inventory's decisions: pure functions of an item. Each returns the step to take, or None.

None means that the item is past the step; its status then determines the answer. If the stock refuses a step, the decision runs
again with the stock that was seen.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic

from kernel import seen_rows
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, A_co, Decision
from kernel.errors import BugError
from kernel.statements import StockStatement
from services.inventory.domain import states, stock
from services.inventory.domain.model import (
    LevelDecision,
    LevelRow,
    ReplenishmentAttributes,
    ReplenishmentRow,
    ReservationAttributes,
    ReservationDecision,
    ReservationRow,
)
from services.inventory.domain.states import LEVELS, REPLENISHMENTS, TRANSITIONS
from services.inventory.domain.stock import (
    AVAILABLE,
    HELD,
    SOLD,
    Dequeue,
    Leave,
    Move,
    ObservedStock,
    Quantities,
    Return,
    StockChange,
)
from services.inventory.schemas.models import (
    StockAllocatedV1Data,
    StockBackorderedV1Data,
    StockCommittedV1Data,
    StockRejectedV1Data,
    StockReleasedV1Data,
    StockReplenishedV1Data,
    StockReservedV1Data,
    StockRunningLowV1Data,
)

REJECT, ALLOW_PARTIAL, BACK_ORDER = "REJECT", "ALLOW_PARTIAL", "BACK_ORDER"
IF_SHORT = (REJECT, ALLOW_PARTIAL, BACK_ORDER)
"""The wish of an order if stock is short: nothing at all, the available part, or to wait for all of it."""


@dataclass(frozen=True)
class StockStep(Generic[A_co]):
    """A decision on an item, and the stock changes of the same transaction."""

    change: Decision[A_co]
    parts: tuple[StockChange, ...] = ()


ReservationStep = StockStep[ReservationAttributes]
ReplenishmentStep = StockStep[ReplenishmentAttributes]


class NoReservationError(BugError):
    """A step for an order that has no reservation: a bug in the caller."""


class LinesMismatchError(BugError):
    """The same reservation or delivery with other lines: a bug in the caller, never an outcome."""


class StockCorruptError(BugError):
    """The counters or the queue of a SKU contradict its reservations: the table was changed by hand."""


def reserve(
    row: ReservationRow | None,
    seen: ObservedStock,
    order_id: str,
    wanted: Quantities,
    if_short: str,
    correlation_id: str,
    known: Mapping[str, int],
    turn: int,
    watched: Container[str] = (),
) -> ReservationStep | None:
    """Hold the wanted stock. If some is short, reject the order, hold the available part or let it wait, as `if_short` says.

    `known` has the number of rows of SKUs that are known to be split, `watched` the SKUs that are known to be watched; `turn`
    chooses the row to begin at. An existing reservation stays as it is. Raises LinesMismatchError if it has other lines, and
    SplitShortError if a SKU must be merged first.
    """
    lines = stock.as_lines(wanted)
    if row is not None:
        if row.get("asked", row.get("lines", lines)) != lines:
            raise LinesMismatchError(f"the reservation of {order_id} is for other lines")
        return None
    about: ReservationAttributes = {"order_id": order_id, "correlation_id": correlation_id, "lines": lines}
    homes = stock.homes(wanted, seen, known, turn, watched)
    short = stock.shortages(wanted, homes, seen)
    if not short:
        holds = stock.holds(wanted, homes, seen)
        held = _merged(about, _shards(holds))
        return StockStep(Decision(TRANSITIONS["reserve"], set=held, data=StockReservedV1Data(lines=lines)), holds)
    if if_short == BACK_ORDER and len(wanted) <= stock.MAX_PAIRED_SKUS:
        stock.check_whole(wanted, homes, seen)
        joins = stock.joins(wanted, seen, order_id)
        waiting = _merged(about, {"backordered": True, "short": short, "places": {join.sku: join.place for join in joins}})
        return StockStep(
            Decision(TRANSITIONS["wait"], set=waiting, data=StockBackorderedV1Data(lines=lines, short=short)), joins
        )
    part = stock.free(wanted, homes, seen) if if_short == ALLOW_PARTIAL else {}
    if part:
        part_lines, holds = stock.as_lines(part), stock.holds(part, homes, seen)
        partly = _merged(about, {"lines": part_lines, "asked": lines}, _shards(holds))
        return StockStep(Decision(TRANSITIONS["reserve"], set=partly, data=StockReservedV1Data(lines=part_lines)), holds)
    rejected = _merged(about, {"rejected": True, "short": short})
    return StockStep(Decision(TRANSITIONS["reject"], set=rejected, data=StockRejectedV1Data(lines=lines, short=short)))


def allocate(row: ReservationRow | None, seen: ObservedStock, ahead: Quantities) -> ReservationStep | None:
    """Hold the stock that the order waits for. None if it does not wait, or if earlier orders need the available stock.

    `ahead` has, by SKU, the units that earlier orders waited for when the queue was read. Nothing joins before a place, so
    there are never more of them later.
    """
    if row is None or row["status"] != states.WAITING:
        return None
    leaves = _leaves(row, seen, ahead)
    if any(leave.sku in seen and seen[leave.sku].available < (leave.ahead or 0) + leave.quantity for leave in leaves):
        return None
    data = StockAllocatedV1Data(lines=row["lines"])
    return StockStep(Decision(TRANSITIONS["allocate"], remove=("places", "short"), data=data), leaves)


def commit(row: ReservationRow | None, seen: ObservedStock) -> ReservationStep | None:
    """Sell the held stock. Raises NoReservationError."""
    if row is None:
        raise NoReservationError("the order has no reservation to commit")
    if row["status"] != states.HELD:
        return None
    change: ReservationDecision = Decision(
        TRANSITIONS["commit"], remove=DUE_INDEX_ATTRIBUTES, data=StockCommittedV1Data(lines=row["lines"])
    )
    return StockStep(change, _all_of(row, seen, HELD, SOLD))


def release(row: ReservationRow | None, seen: ObservedStock, order_id: str, correlation_id: str) -> ReservationStep | None:
    """Make held or sold stock available again, or remove the order from its queues. Before its reserve, make a tombstone."""
    if row is None:
        return StockStep(Decision(TRANSITIONS["tombstone"], set={"order_id": order_id, "correlation_id": correlation_id}))
    if row["status"] == states.WAITING:
        withdrawn: ReservationDecision = Decision(TRANSITIONS["withdraw"], remove=(*DUE_INDEX_ATTRIBUTES, "places"))
        return StockStep(withdrawn, _leaves(row, seen, None))
    if row["status"] == states.HELD:
        data = StockReleasedV1Data(lines=row["lines"], restocked=False)
        released: ReservationDecision = Decision(TRANSITIONS["release"], remove=DUE_INDEX_ATTRIBUTES, data=data)
        return StockStep(released, _all_of(row, seen, HELD, AVAILABLE))
    return restock(row, seen)


def release_unsold(
    row: ReservationRow | None, seen: ObservedStock, order_id: str, correlation_id: str
) -> ReservationStep | None:
    """Release stock that is held or waited for, and none that was sold meanwhile."""
    if row is None or row["status"] not in (states.WAITING, states.HELD):
        return None
    return release(row, seen, order_id, correlation_id)


def restock(row: ReservationRow | None, seen: ObservedStock) -> ReservationStep | None:
    """Take back the stock of an order that is cancelled after its confirmation. Raises NoReservationError."""
    if row is None:
        raise NoReservationError("the order has no reservation to take back into stock")
    if row["status"] != states.COMMITTED:
        return None
    change: ReservationDecision = Decision(TRANSITIONS["restock"], data=StockReleasedV1Data(lines=row["lines"], restocked=True))
    return StockStep(change, _all_of(row, seen, SOLD, AVAILABLE))


def replenish(row: ReplenishmentRow | None, replenishment_id: str, arrived: Quantities) -> ReplenishmentStep | None:
    """Add a delivery to the available stock, once. Raises LinesMismatchError if it had other items."""
    items = stock.as_lines(arrived)
    if row is None:
        attributes: ReplenishmentAttributes = {"replenishment_id": replenishment_id, "items": items}
        data = StockReplenishedV1Data(replenishment_id=replenishment_id, items=items)
        change = Decision(REPLENISHMENTS["replenish"], set=attributes, data=data)
        return StockStep(change, stock.moves(arrived, None, AVAILABLE))
    if row["items"] != items:
        raise LinesMismatchError(f"the replenishment {replenishment_id} was of other items")
    return None


def set_threshold(row: LevelRow | None, sku: str, threshold: int) -> LevelDecision | None:
    """Set the threshold of a SKU: less than that many units available is low."""
    if row is not None and row["threshold"] == threshold:
        return None
    return Decision(LEVELS["watch"], set={"sku": sku, "threshold": threshold})


def evaluate_threshold(row: LevelRow, available: int) -> LevelDecision | None:
    """Return the alert transition for the current stock level, or None if nothing changed."""
    if (row["status"] == states.LOW) == (available < row["threshold"]):
        return None
    if row["status"] == states.LOW:
        return Decision(LEVELS["recover"])
    data = StockRunningLowV1Data(sku=row["sku"], available=available, threshold=row["threshold"])
    return Decision(LEVELS["run_low"], data=data)


def answer(row: ReservationRow) -> StockStatement:
    """Return the status as `outcome`, with the `lines`. A rejected reservation stays REJECTED.

    `short` has the SKUs that a rejected or waiting order found too little of. Stock that is held comes with its row.
    """
    if row.get("rejected"):
        return {"outcome": "REJECTED", "reason": "OUT_OF_STOCK", "short": row["short"]}
    statement: StockStatement = {"outcome": row["status"]}
    if "lines" in row:
        statement["lines"] = row["lines"]
    if row["status"] == states.WAITING and "short" in row:  # a row of version 0.2 has none
        statement["short"] = row["short"]
    if row["status"] == states.HELD:
        statement["seen"] = seen_rows.text_of(row)
    return statement


def _merged(*parts: ReservationAttributes) -> ReservationAttributes:
    """Return the attributes of all parts; a later part wins."""
    merged: ReservationAttributes = {}
    for part in parts:
        merged.update(part)
    return merged


def _shards(holds: Iterable[Move]) -> ReservationAttributes:
    """Return the attribute that names the shards beside the SKUs' own rows, if there are any."""
    shards = {move.sku: move.shard for move in holds if move.shard}
    return {"shards": shards} if shards else {}


def _all_of(row: ReservationRow, seen: ObservedStock, source: str, target: str) -> tuple[Move | Return, ...]:
    """Return the moves of all lines within their shards, or back into the SKUs' own rows if they become available."""
    shards = row.get("shards", {})
    changes: list[Move | Return] = []
    for sku, quantity in stock.merge(row["lines"]).items():
        shard = shards.get(sku, 0)
        is_back = shard and target == AVAILABLE
        change = Return(sku, quantity, source, shard) if is_back else Move(sku, quantity, source, target, shard=shard)
        if change.row in seen and getattr(seen[change.row], source) < quantity:
            raise StockCorruptError(f"{row['pk']} is {row['status']}, but of {change.row} less than that is {source}")
        changes.append(change)
    return tuple(changes)


def _leaves(row: ReservationRow, seen: ObservedStock, ahead: Quantities | None) -> tuple[Leave | Dequeue, ...]:
    """Return how the order leaves its queues: served, with the units `ahead` of it, or not served if `ahead` is None."""
    lines = stock.merge(row["lines"])
    if "places" not in row:
        return _dequeues(row, lines, seen, served=ahead is not None)
    return tuple(
        Leave(sku, quantity, row["order_id"], row["places"][sku], None if ahead is None else ahead[sku])
        for sku, quantity in lines.items()
    )


def _dequeues(row: ReservationRow, lines: Quantities, seen: ObservedStock, *, served: bool) -> tuple[Dequeue, ...]:
    """Return how the order leaves the queues in the SKUs' rows. Raises StockCorruptError if it is in none."""
    order_id = row["order_id"]
    leaves = []
    for sku, quantity in lines.items():
        queue = stock.queue_of(sku, order_id, quantity, seen)
        if stock.Waiting(order_id, quantity) not in queue:
            raise StockCorruptError(f"{row['pk']} is {row['status']}, but not in the row of {sku}")
        leaves.append(Dequeue(sku, order_id, queue, served))
    return tuple(leaves)
