"""The levels of watched SKUs: who sets the threshold, and what is told when less than it is available."""

from typing import Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from services.inventory import decisions, states, table
from services.inventory.stock import AVAILABLE
from services.kernel.rows import Cause, Row

logger = Logger(child=True)
metrics = Metrics(namespace="Orderflow")
MAX_THRESHOLD: Final = 1_000_000


def watch(sku: str, threshold: int, cause: Cause) -> Row:
    """Tell from now on when less than `threshold` of the SKU is available, and at once if it is; its level."""
    table.levels().advance(sku, lambda row: decisions.watch(row, sku, threshold), cause)
    look(sku)
    level = table.levels().get(sku)
    assert level is not None
    return level


def look(sku: str) -> bool:
    """Compare what there is of a SKU with its threshold; whether it is news that it is low, or no longer low.

    A crash before the end leaves the SKU due, and the next look finds what was told already.
    """
    level, counters = table.levels().get(sku), table.skus().get(sku)
    available = counters[AVAILABLE] if counters else 0
    news = decisions.look(level, available)
    if news is not None:
        event = Cause(f"SKU#{sku}", f"SKU#{sku}")
        after = table.levels().advance(sku, lambda row: decisions.look(row, available), event, seen=level)
        if after is not None and after["status"] == states.LOW:
            logger.warning("stock runs low", sku=sku, available=available, threshold=after["threshold"])
            metrics.add_metric(name="StockRunningLow", unit=MetricUnit.Count, value=1)
            metrics.flush_metrics()
    table.skus().looked_at(sku, available)
    return news is not None
