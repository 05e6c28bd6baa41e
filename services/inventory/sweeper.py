"""The sweeper: every minute, each SKU of which more or less became available is compared with its threshold.

Holds have no clock: the saga lets them go.
"""

from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from services.inventory import levels, table
from services.kernel import clock
from services.kernel.functions import republish_left_behind

logger = Logger()
metrics = Metrics(namespace="Orderflow")
PER_SHARD: Final = 250
"""How many SKUs of a shard one sweep looks at; the rest come first in the next."""


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """One sweep. Safe to run at any time, any number at once; answers how much it did."""
    looked_at = failed = 0
    for sku in list(table.skus().due(clock.now(), PER_SHARD)):
        try:
            levels.look(sku)
            looked_at += 1
        except Exception:  # the boundary of a SKU: the others are looked at, and it is due in the next sweep
            logger.exception("stock not looked at", sku=sku)
            failed += 1
    if failed:
        metrics.add_metric(name="StockNotLookedAt", unit=MetricUnit.Count, value=failed)
        metrics.flush_metrics()
    return {"looked_at": looked_at, "failed": failed, "republished": republish_left_behind()}
