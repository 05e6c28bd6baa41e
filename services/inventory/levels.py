"""The levels of watched SKUs: who sets the threshold, and what is told when less than it is available."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from services.inventory import decisions, states, table
from services.inventory.stock import AVAILABLE
from services.kernel.rows import Cause, Row

logger = Logger(child=True)
metrics = Metrics(namespace="Orderflow")


def watch(sku: str, threshold: int, cause: Cause) -> Row:
    """Tell from now on when less than `threshold` of the SKU is available, and at once if it is; its level."""
    table.levels().advance(sku, lambda row: decisions.watch(row, sku, threshold), cause)
    level = look(sku)
    assert level is not None
    return level


def look(sku: str) -> Row | None:
    """Compare what there is of a SKU with its threshold, and tell if it is low now; its level, None if it is not watched.

    A crash before the end leaves the SKU due, and the next look finds what was told already.
    """
    level, counters = table.levels().get(sku), table.skus().get(sku)
    available = counters[AVAILABLE] if counters else 0
    if level is not None:
        level = _compare(level, available)
    table.skus().looked_at(sku, available)
    return level


def _compare(before: Row, available: int) -> Row:
    sku = before["sku"]
    event = Cause(f"SKU#{sku}", f"SKU#{sku}")
    after = table.levels().advance(sku, lambda row: decisions.look(row, available), event, seen=before)
    assert after is not None
    if (before["status"], after["status"]) == (states.ENOUGH, states.LOW):
        logger.warning("stock runs low", sku=sku, available=available, threshold=after["threshold"])
        metrics.add_metric(name="StockRunningLow", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
    return after
