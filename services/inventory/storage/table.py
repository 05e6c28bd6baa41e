"""The inventory's table: reservations, replenishments, the rows of the SKUs that move with them, and watched levels."""

import os
from collections.abc import Callable
from functools import cache
from typing import Final

from kernel import clients
from kernel.aggregate_store import AggregateStore, Causation, ContentionError, Row
from kernel.transactions import transact
from services.inventory.domain import states
from services.inventory.domain.decisions import Step
from services.inventory.domain.stock import Seen, Stock
from services.inventory.storage import skus as sku_rows
from services.inventory.storage.skus import Skus

Decide = Callable[[Row | None, Seen], Step | None]
TRIES: Final = 5


class StockRows(AggregateStore):
    """Rows whose every step moves stock in the same transaction: `RES#<order_id>`, `REPL#<replenishment_id>`."""

    def move(self, aggregate_id: str, decide: Decide, cause: Causation, *, presume_absent: bool = False) -> Row:
        """Let `decide` look at the row and take the step it chooses; the row afterwards.

        As `Rows.apply`, and `decide` is also asked again where the stock refused the step, with what was seen of it.
        Raises ContentionError.
        """
        row = None if presume_absent else self.get(aggregate_id)
        seen: dict[str, Stock] = {}
        for _ in range(TRIES):
            step = decide(row, seen)
            if step is None:
                assert row is not None
                return row
            update = self.update(aggregate_id, row, step.change, cause)
            parts = [sku_rows.action(self.table_name, part) for part in step.parts]
            refused = transact(self.client, [{"Update": update}, *parts])
            if not refused:
                return {**(row or {}), **(step.change.set or {}), "status": step.change.transition.target}
            if 0 in refused:  # another writer moved the row, or this step's first answer was lost: that wins over any shortage
                row, seen = refused[0], {}
            else:
                seen |= {step.parts[position - 1].sku: sku_rows.stock_of(found) for position, found in refused.items()}
        raise ContentionError(f"{self.key(aggregate_id)} changed {TRIES} times while being written")


@cache
def reservations() -> StockRows:
    """Return the store of reservations in the table that this function was deployed with."""
    return StockRows(clients.dynamodb(), os.environ["TABLE_NAME"], states.TRANSITIONS)


@cache
def replenishments() -> StockRows:
    """Return the store of replenishments in the same table."""
    return StockRows(clients.dynamodb(), os.environ["TABLE_NAME"], states.REPLENISHMENTS)


@cache
def levels() -> AggregateStore:
    """Return the store of watched SKUs' levels, `LEVEL#<sku>`, in the same table."""
    return AggregateStore(clients.dynamodb(), os.environ["TABLE_NAME"], states.LEVELS)


@cache
def skus() -> Skus:
    """Return the store of SKUs in the same table."""
    return Skus(clients.dynamodb(), os.environ["TABLE_NAME"])
