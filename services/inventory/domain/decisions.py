"""The inventory's decisions, each a plain function of the row: the step to take, or None.

None means that the row is already past the step; its status then says what to answer. A step is also decided again when the
stock refused it, with what was seen there.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Decision, Row
from kernel.errors import BugError
from kernel.orphans import unsettled
from services.inventory.domain import states, stock
from services.inventory.domain.states import LEVELS, REPLENISHMENTS, TRANSITIONS
from services.inventory.domain.stock import AVAILABLE, HELD, SOLD, Join, Leave, Move, Part, Quantities, Seen

Answer = dict[str, Any]
REJECT, ALLOW_PARTIAL, BACK_ORDER = "REJECT", "ALLOW_PARTIAL", "BACK_ORDER"
IF_SHORT = (REJECT, ALLOW_PARTIAL, BACK_ORDER)
"""The wish of an order if stock is short: nothing at all, the available part, or to wait for all of it."""


@dataclass(frozen=True)
class Step:
    """A change of the row and what happens to the stock with it, or not at all."""

    change: Decision
    parts: tuple[Part, ...] = ()


class NoReservationError(BugError):
    """A step for an order that has no reservation: a bug in the caller."""


class LinesMismatchError(BugError):
    """The same reservation or delivery with other lines: a bug in the caller, never an outcome."""


class StockCorruptError(BugError):
    """The counters or the queue of a SKU contradict its reservations: the table was changed by hand."""


def reserve(
    row: Row | None, seen: Seen, order_id: str, wanted: Quantities, if_short: str, correlation_id: str, now: datetime
) -> Step | None:
    """Hold what is wanted; where some is short, do as the order wants, and remember it.

    A row that is there (a duplicate) wins over both.
    """
    lines = stock.as_lines(wanted)
    if row is not None:
        if row.get("asked", row.get("lines", lines)) != lines:
            raise LinesMismatchError(f"the reservation of {order_id} is for other lines")
        return None
    about = {"order_id": order_id, "correlation_id": correlation_id, "lines": lines}
    due = unsettled(f"{TRANSITIONS.aggregate}#{order_id}", now)
    short = stock.shortages(wanted, seen)
    if not short:
        return Step(Decision(TRANSITIONS["reserve"], set={**about, **due}, data={"lines": lines}), stock.holds(wanted, seen))
    if if_short == BACK_ORDER and not stock.crowded(wanted, seen):
        joins = tuple(Join(sku, quantity, order_id) for sku, quantity in wanted.items())
        change = Decision(TRANSITIONS["wait"], set={**about, **due, "backordered": True}, data={"lines": lines, "short": short})
        return Step(change, joins)
    part = stock.free(wanted, seen) if if_short == ALLOW_PARTIAL else {}
    if part:
        held = stock.as_lines(part)
        change = Decision(TRANSITIONS["reserve"], set={**about, **due, "lines": held, "asked": lines}, data={"lines": held})
        return Step(change, stock.holds(part, seen))
    return Step(
        Decision(TRANSITIONS["reject"], set={**about, "rejected": True, "short": short}, data={"lines": lines, "short": short})
    )


def allocate(row: Row | None, seen: Seen) -> Step | None:
    """Hold what the order waits for; None while it does not wait, or those who came before want what there is."""
    if row is None or row["status"] != states.WAITING:
        return None
    leaves = _leaves(row, seen, served=True)
    if any(leave.sku in seen and seen[leave.sku].available < leave.ahead + leave.quantity for leave in leaves):
        return None
    return Step(Decision(TRANSITIONS["allocate"], data={"lines": row["lines"]}), leaves)


def commit(row: Row | None, seen: Seen) -> Step | None:
    """Sell what is held. Raises NoReservationError."""
    if row is None:
        raise NoReservationError("nothing was ever reserved, so there is nothing to commit")
    if row["status"] != states.HELD:
        return None
    change = Decision(TRANSITIONS["commit"], remove=DUE_INDEX_ATTRIBUTES, data={"lines": row["lines"]})
    return Step(change, _all_of(row, seen, HELD, SOLD))


def release(row: Row | None, seen: Seen, order_id: str, correlation_id: str) -> Step | None:
    """Make what is held, or already sold, available again, or let the order wait no longer; before its reserve, a tombstone."""
    if row is None:
        return Step(Decision(TRANSITIONS["tombstone"], set={"order_id": order_id, "correlation_id": correlation_id}))
    if row["status"] == states.WAITING:
        return Step(Decision(TRANSITIONS["withdraw"], remove=DUE_INDEX_ATTRIBUTES), _leaves(row, seen, served=False))
    if row["status"] == states.HELD:
        change = Decision(TRANSITIONS["release"], remove=DUE_INDEX_ATTRIBUTES, data={"lines": row["lines"], "restocked": False})
        return Step(change, _all_of(row, seen, HELD, AVAILABLE))
    return restock(row, seen)


def let_go(row: Row | None, seen: Seen, order_id: str, correlation_id: str) -> Step | None:
    """Release what is held or waited for, and nothing that was sold meanwhile."""
    if row is None or row["status"] not in (states.WAITING, states.HELD):
        return None
    return release(row, seen, order_id, correlation_id)


def restock(row: Row | None, seen: Seen) -> Step | None:
    """Take back what was sold to an order that is cancelled after its confirmation. Raises NoReservationError."""
    if row is None:
        raise NoReservationError("nothing was ever reserved, so there is nothing to take back")
    if row["status"] != states.COMMITTED:
        return None
    change = Decision(TRANSITIONS["restock"], data={"lines": row["lines"], "restocked": True})
    return Step(change, _all_of(row, seen, SOLD, AVAILABLE))


def replenish(row: Row | None, replenishment_id: str, arrived: Quantities) -> Step | None:
    """Take in what arrived, once."""
    about = {"replenishment_id": replenishment_id, "items": stock.as_lines(arrived)}
    if row is None:
        return Step(Decision(REPLENISHMENTS["replenish"], set=about, data=about), stock.moves(arrived, None, AVAILABLE))
    if row["items"] != about["items"]:
        raise LinesMismatchError(f"the replenishment {replenishment_id} was of other items")
    return None


def watch(row: Row | None, sku: str, threshold: int) -> Decision | None:
    """Tell from now on when less than `threshold` of the SKU is available."""
    if row is not None and row["threshold"] == threshold:
        return None
    return Decision(LEVELS["watch"], set={"sku": sku, "threshold": threshold})


def look(row: Row | None, available: int) -> Decision | None:
    """Return the alert transition for the current stock level, or None if nothing changed or the SKU is not watched."""
    if row is None or (row["status"] == states.LOW) == (available < row["threshold"]):
        return None
    if row["status"] == states.LOW:
        return Decision(LEVELS["recover"])
    told = {"sku": row["sku"], "available": available, "threshold": row["threshold"]}
    return Decision(LEVELS["run_low"], data=told)


def answer(row: Row) -> Answer:
    """`{"outcome": <status>}` and the `lines` it is about; a rejected one, for good, as REJECTED with what was short."""
    if row.get("rejected"):
        return {"outcome": "REJECTED", "reason": "OUT_OF_STOCK", "short": row["short"]}
    return {"outcome": row["status"], **({"lines": row["lines"]} if "lines" in row else {})}


def _all_of(row: Row, seen: Seen, source: str, target: str) -> tuple[Move, ...]:
    lines = stock.merge(row["lines"])
    for sku, quantity in lines.items():
        if sku in seen and getattr(seen[sku], source) < quantity:
            raise StockCorruptError(f"{row['pk']} is {row['status']}, but of {sku} less than that is {source}")
    return stock.moves(lines, source, target)


def _leaves(row: Row, seen: Seen, *, served: bool) -> tuple[Leave, ...]:
    order_id = row["order_id"]
    leaves = []
    for sku, quantity in stock.merge(row["lines"]).items():
        queue = stock.queue_of(sku, order_id, quantity, seen)
        if stock.Waiting(order_id, quantity) not in queue:
            raise StockCorruptError(f"{row['pk']} is {row['status']}, but not in the row of {sku}")
        leaves.append(Leave(sku, order_id, queue, served))
    return tuple(leaves)
