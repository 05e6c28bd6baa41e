"""The inventory's table: reservations, replenishments, the SKUs that move with them, and watched levels."""

import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar, cast

from kernel.aggregate_store import AggregateRow, AggregateStore, Causation, ContentionError, UnknownAggregateError
from kernel.clients import AwsClient
from kernel.measures import Measure
from kernel.metrics import emit
from kernel.transactions import Action, transact
from services.inventory.domain import metrics, states
from services.inventory.domain.decisions import StockStep
from services.inventory.domain.model import LevelRow, ReplenishmentRow, ReservationRow, SkuRow
from services.inventory.domain.stock import ObservedStock, Stock
from services.inventory.storage import skus as sku_rows

R = TypeVar("R", bound=AggregateRow)
TRIES: Final = 10
"""Each try but the last lost to another writer, such as one that took the same place in a queue.

A row that refuses for the first time is no lost try: an order meets each shard of a SKU before the SKU's own row.
"""


class StockRows(AggregateStore[R]):
    """Aggregates with steps that each move stock in the same transaction. `pause` waits before a transaction is tried again."""

    pause: Callable[[float], None] = staticmethod(time.sleep)

    def apply_step(
        self,
        aggregate_id: str,
        decide: Callable[[R | None, ObservedStock], StockStep | None],
        causation: Causation,
        *,
        presume_absent: bool = False,
        row: R | None = None,
    ) -> R:
        """Take the step that `decide` chooses; return the item afterwards.

        As `AggregateStore.create_or_apply`, but `decide` runs again with the stock that was seen if the stock refuses the step.
        `row` saves the first read.
        Raises UnknownAggregateError if `decide` returns None for a missing item, and ContentionError.
        """
        if row is None and not presume_absent:
            row = self.get(aggregate_id)
        seen: dict[str, Stock] = {}
        lost = 0
        while lost < TRIES:
            step = decide(row, seen)
            if step is None:
                if row is None:
                    raise UnknownAggregateError(f"there is no {self.key(aggregate_id)}")
                return row
            update = self.update(aggregate_id, row, step.change, causation)
            actions: list[Action] = [{"Update": update}]
            row_at: dict[int, str] = {}
            for part in step.parts:
                row_at[len(actions)] = part.row
                actions += sku_rows.actions(self.table_name, part)
            refused = transact(self.client, actions, pause=self.pause)
            if not refused:
                after = self.after(row, update)
                emit(self.measures(step.change.transition.name, after))
                return after
            if 0 in refused:  # another writer was faster, or this step's first response was lost: that wins over any shortage
                row, seen = cast(R | None, refused[0]), {}
                lost += 1
                continue
            met = {
                row_at[position]: sku_rows.stock_of(cast(SkuRow | None, refused[position]))
                for position in refused.keys() & row_at.keys()
            }
            lost += met.keys() <= seen.keys()
            seen |= met
        raise ContentionError(f"{self.key(aggregate_id)} changed {TRIES} times while being written")


class Reservations(StockRows[ReservationRow]):
    """The items `RES#<order_id>`."""

    def __init__(self, client: AwsClient, table_name: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        super().__init__(client, table_name, states.TRANSITIONS)
        self.pause = pause

    def measures(self, step: str, after: ReservationRow) -> Iterable[Measure]:
        """Return that stock was short, if it was."""
        return metrics.measures(step, after)


class Replenishments(StockRows[ReplenishmentRow]):
    """The items `REPL#<replenishment_id>`."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, states.REPLENISHMENTS)


class Levels(AggregateStore[LevelRow]):
    """The levels of watched SKUs, `LEVEL#<sku>`."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, states.LEVELS)
