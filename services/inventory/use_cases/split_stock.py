"""Split stock: a SKU whose units are in several rows, so that its orders write different keys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar
from zlib import crc32

from kernel.aggregate_store import ContentionError
from services.inventory.domain.model import SkuRow
from services.inventory.domain.stock import COUNTERS, ObservedStock, SplitShortError, row_of
from services.inventory.storage.shards import Shards
from services.inventory.storage.skus import Skus

A = TypeVar("A")
TRIES: Final = 5
"""How often an order merges SKUs, and an operator's command begins again, because another writer was faster."""


@dataclass
class KnownSplits:
    """The number of rows of the split SKUs that this process has met, and the SKUs that are watched.

    It may be out of date: each row has its condition.

    The orders of a process take turns at the rows, so that each row gets equally many. The first turn is a hash, because
    many processes begin at once.
    """

    rows: dict[str, int] = field(default_factory=dict)
    watched: set[str] = field(default_factory=set)
    turn: int | None = None

    def next_turn(self, order_id: str) -> int:
        """Return the turn of an order."""
        self.turn = crc32(order_id.encode()) if self.turn is None else self.turn + 1
        return self.turn

    def forget(self, sku: str) -> None:
        """Take the SKU for one that is not split, until its own row answers its number."""
        self.rows.pop(sku, None)

    def after(self, seen: ObservedStock) -> Mapping[str, int]:
        """Return the numbers after the rows in `seen` refused an order. The number of a SKU's own row is right.

        A SKU whose shards all refused is forgotten, so that its own row answers the number again: the SKU may be merged.
        """
        self.watched |= {row for row, stock in seen.items() if stock.watched}
        for sku in {row.partition("#")[0] for row in seen}:
            rows = seen[sku].shards if sku in seen else self.rows.get(sku, 0)
            if all(row_of(sku, shard) in seen for shard in range(1, rows + 1)):
                self.forget(sku)
            else:
                self.rows[sku] = rows
        return self.rows


@dataclass(frozen=True)
class SplitStock:
    """The splits and merges of SKUs."""

    skus: Skus
    shards: Shards

    def split(self, sku: str, rows: int) -> int:
        """Split a SKU evenly over so many rows, or merge it if that is 1; return the number of rows that it has then.

        A SKU that is split already is merged first, so its available units become even again. A SKU for which orders wait, or
        that is unknown, keeps one row. Raises ContentionError.
        """
        for _ in range(TRIES):
            seen = self.skus.get(sku)
            if seen is not None and (seen["shards"] or seen["merging"]):
                self.merge(sku)
            elif seen is None or seen["waited_for"] or rows == 1:
                return 1
            elif self.shards.split(sku, rows, seen["available"] // rows):
                return rows
        raise ContentionError(f"the stock of {sku} changed {TRIES} times while being split")

    def merge(self, sku: str) -> None:
        """Move all available units into the SKU's own row, or go on with a merge that was begun. Repeating it is harmless."""
        seen = self.skus.get(sku)
        if seen is None or not (seen["shards"] or seen["merging"]):
            return
        if seen["shards"] and not self.shards.begin_merge(sku, seen):
            return
        for shard in range(1, (seen["shards"] or seen["merging"]) + 1):
            self.shards.empty(sku, shard)
        self.shards.end_merge(sku, seen["splits"])

    def total(self, seen: SkuRow) -> dict[str, int]:
        """Return the SKU's counters, summed over all rows that it ever had."""
        return self.shards.total(seen) if seen["splits"] else {counter: seen[counter] for counter in COUNTERS}  # type: ignore[literal-required]

    def merging_if_short(self, reserve: Callable[[], A], known: KnownSplits) -> A:
        """Return what `reserve` returns. If it is short of a split SKU, merge the SKU and try again. Raises ContentionError.

        The SKU may have been merged before, so `known` forgets it.
        """
        for _ in range(TRIES):
            try:
                return reserve()
            except SplitShortError as short:
                self.merge(short.sku)
                known.forget(short.sku)
        raise ContentionError(f"stock was split {TRIES} times while being reserved")
