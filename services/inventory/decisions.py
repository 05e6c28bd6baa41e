"""The inventory's decisions, each a plain function of the row: the step to take, or None.

None means that the row is already past the step; its status then says what to answer. A step is also decided again when the
stock it needed was short.
"""

from dataclasses import dataclass
from typing import Any

from services.inventory import states, stock
from services.inventory.states import LEVELS, REPLENISHMENTS, TRANSITIONS
from services.inventory.stock import AVAILABLE, HELD, SOLD, Move, Quantities, Shortages
from services.kernel.rows import Change, Row

Answer = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A change of the row and the moves of stock that happen with it, or not at all."""

    change: Change
    moves: tuple[Move, ...] = ()


class NothingReserved(AssertionError):
    """Something was asked for of an order that nothing was ever held for: a bug in the caller."""


class OtherLines(AssertionError):
    """The same reservation or replenishment was asked for before, with other lines: a bug, never an outcome."""


class CountersDisagree(AssertionError):
    """A SKU's counters have less than its reservations say: somebody wrote to the table by hand."""


def reserve(row: Row | None, short: Shortages, order_id: str, wanted: Quantities, correlation_id: str) -> Step | None:
    """Hold what is wanted; where some is short, remember the rejection. A row that is there (a duplicate) wins over both."""
    lines = stock.as_lines(wanted)
    if row is not None:
        if row.get("lines", lines) != lines:
            raise OtherLines(f"the reservation of {order_id} is for other lines")
        return None
    about = {"order_id": order_id, "correlation_id": correlation_id, "lines": lines}
    if short:
        rejection = {**about, "rejected": True, "short": short}
        return Step(Change(TRANSITIONS["reject"], set=rejection, data={"lines": lines, "short": short}))
    return Step(Change(TRANSITIONS["reserve"], set=about, data={"lines": lines}), stock.moves(wanted, AVAILABLE, HELD))


def commit(row: Row | None, short: Shortages) -> Step | None:
    """Sell what is held. Raises NothingReserved."""
    if row is None:
        raise NothingReserved("nothing was ever reserved, so there is nothing to commit")
    if row["status"] != states.HELD:
        return None
    change = Change(TRANSITIONS["commit"], data={"lines": row["lines"]})
    return Step(change, _all_of(row, short, HELD, SOLD))


def release(row: Row | None, short: Shortages, order_id: str, correlation_id: str) -> Step | None:
    """Make what is held, or already sold, available again; where nothing is reserved yet, leave the tombstone."""
    if row is None:
        return Step(Change(TRANSITIONS["tombstone"], set={"order_id": order_id, "correlation_id": correlation_id}))
    if row["status"] == states.HELD:
        change = Change(TRANSITIONS["release"], data={"lines": row["lines"], "restocked": False})
        return Step(change, _all_of(row, short, HELD, AVAILABLE))
    return restock(row, short)


def restock(row: Row | None, short: Shortages) -> Step | None:
    """Take back what was sold to an order that is cancelled after its confirmation. Raises NothingReserved."""
    if row is None:
        raise NothingReserved("nothing was ever reserved, so there is nothing to take back")
    if row["status"] != states.COMMITTED:
        return None
    change = Change(TRANSITIONS["restock"], data={"lines": row["lines"], "restocked": True})
    return Step(change, _all_of(row, short, SOLD, AVAILABLE))


def replenish(row: Row | None, replenishment_id: str, arrived: Quantities) -> Step | None:
    """Take in what arrived, once."""
    about = {"replenishment_id": replenishment_id, "items": stock.as_lines(arrived)}
    if row is None:
        return Step(Change(REPLENISHMENTS["replenish"], set=about, data=about), stock.moves(arrived, None, AVAILABLE))
    if row["items"] != about["items"]:
        raise OtherLines(f"the replenishment {replenishment_id} was of other items")
    return None


def watch(row: Row | None, sku: str, threshold: int) -> Change | None:
    """Tell from now on when less than `threshold` of the SKU is available."""
    if row is not None and row["threshold"] == threshold:
        return None
    return Change(LEVELS["watch"], set={"sku": sku, "threshold": threshold})


def look(row: Row | None, available: int) -> Change | None:
    """What so many available mean for a SKU that is watched. None for one that is not, and where it is no news."""
    if row is None or (row["status"] == states.LOW) == (available < row["threshold"]):
        return None
    if row["status"] == states.LOW:
        return Change(LEVELS["recover"])
    told = {"sku": row["sku"], "available": available, "threshold": row["threshold"]}
    return Change(LEVELS["run_low"], data=told)


def answer(row: Row) -> Answer:
    """`{"outcome": <status>}`; a rejected reservation, for good, as REJECTED with what was short."""
    if row.get("rejected"):
        return {"outcome": "REJECTED", "reason": "OUT_OF_STOCK", "short": row["short"]}
    return {"outcome": row["status"]}


def _all_of(row: Row, short: Shortages, source: str, target: str) -> tuple[Move, ...]:
    if short:
        raise CountersDisagree(f"{row['pk']} is {row['status']}, but of {short[0]['sku']} less than that is {source}")
    return stock.moves(stock.merge(row["lines"]), source, target)
