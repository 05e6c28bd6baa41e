"""The levels of watched SKUs: the threshold that an operator sets, and the event when less is available."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from kernel.aggregate_store import Causation, Row
from services.inventory.domain import decisions, states
from services.inventory.domain.stock import AVAILABLE
from services.inventory.storage import table

logger = Logger(child=True)
metrics = Metrics(namespace="Orderflow")


def watch(sku: str, threshold: int, cause: Causation) -> Row:
    """Tell from now on when less than `threshold` of the SKU is available, and at once if it is; its level."""
    table.levels().create_or_apply(sku, lambda row: decisions.watch(row, sku, threshold), cause)
    counters = table.skus().get(sku)
    level = look(sku, counters[AVAILABLE] if counters else 0)
    assert level is not None
    return level


def look(sku: str, available: int) -> Row | None:
    """Compare what there is of a SKU with its threshold, and tell if it is low now; its level, None if it is not watched."""
    before = table.levels().get(sku)
    if before is None:
        return None
    event = Causation(f"SKU#{sku}", f"SKU#{sku}")
    after = table.levels().apply(sku, lambda row: decisions.look(row, available), event, seen=before)
    if (before["status"], after["status"]) == (states.ENOUGH, states.LOW):
        logger.warning("stock runs low", sku=sku, available=available, threshold=after["threshold"])
        metrics.add_metric(name="StockRunningLow", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
    return after
