"""The levels of watched SKUs: the threshold that an operator sets, and the event when less is available."""

from dataclasses import dataclass

from kernel.aggregate_store import Causation
from kernel.logs import logger
from kernel.metrics import count
from services.inventory.domain import decisions, states
from services.inventory.domain.model import LevelRow
from services.inventory.storage.skus import Skus
from services.inventory.storage.table import Levels


@dataclass(frozen=True)
class StockAlerts:
    """The alerts for SKUs with less stock available than their threshold."""

    skus: Skus
    levels: Levels

    def set_threshold(self, sku: str, threshold: int, causation: Causation) -> LevelRow:
        """Set the SKU's threshold in units, evaluate it at once, and return the level.

        The SKU is marked first, so an order that does not make it due was before the evaluation.
        """
        self.skus.mark_watched(sku)
        level = self.levels.create_or_apply(sku, lambda row: decisions.set_threshold(row, sku, threshold), causation)
        counters = self.skus.get(sku)
        return self.evaluate(sku, counters["available"] if counters else 0, marked=True) or level

    def evaluate(self, sku: str, available: int, *, marked: bool) -> LevelRow | None:
        """Compare the available units with the threshold, publish an event if they are low now, and return the level.

        Return None if the SKU is not watched. One that is watched and not `marked` is marked: its threshold was set by
        version 0.2, or before the SKU was known.
        """
        before = self.levels.get(sku)
        if before is None:
            return None
        if not marked:
            self.skus.mark_watched(sku)
        causation = Causation(f"SKU#{sku}", f"SKU#{sku}")
        after = self.levels.apply(sku, lambda row: decisions.evaluate_threshold(row, available), causation, seen=before)
        if (before["status"], after["status"]) == (states.ENOUGH, states.LOW):
            logger.warning("stock runs low", sku=sku, available=available, threshold=after["threshold"])
            count("StockRunningLow", 1)
        return after
