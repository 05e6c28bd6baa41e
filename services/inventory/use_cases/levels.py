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
        """Set the SKU's threshold in units, evaluate it at once, and return the level."""
        level = self.levels.create_or_apply(sku, lambda row: decisions.set_threshold(row, sku, threshold), causation)
        counters = self.skus.get(sku)
        return self.evaluate(sku, counters["available"] if counters else 0) or level

    def evaluate(self, sku: str, available: int) -> LevelRow | None:
        """Compare the available units with the threshold, publish an event if they are low now, and return the level.

        Return None if the SKU is not watched.
        """
        before = self.levels.get(sku)
        if before is None:
            return None
        causation = Causation(f"SKU#{sku}", f"SKU#{sku}")
        after = self.levels.apply(sku, lambda row: decisions.evaluate_threshold(row, available), causation, seen=before)
        if (before["status"], after["status"]) == (states.ENOUGH, states.LOW):
            logger.warning("stock runs low", sku=sku, available=available, threshold=after["threshold"])
            count("StockRunningLow", 1)
        return after
