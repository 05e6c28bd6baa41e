"""The sweeper: every minute, each SKU of which more or less became available is looked at, for whoever waits for it.

Holds have no clock: the saga lets them go.
"""

from typing import Any, Final

from services.inventory import backorders, levels, table
from services.inventory.stock import AVAILABLE
from services.kernel import clock
from services.kernel.functions import move_each, republish_left_behind, sweep

PER_SHARD: Final = 250
"""How many SKUs of a shard one sweep looks at; the rest come first in the next."""


def look(sku: str) -> bool:
    """Serve who waits for the SKU, then compare what is left with its threshold.

    A crash before the end leaves the SKU due, and the next look finds what was done already.
    """
    backorders.serve(sku)
    seen = table.skus().get(sku)
    if seen is not None:
        levels.look(sku, seen[AVAILABLE])
        table.skus().looked_at(sku, seen)
    return True


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """One sweep. Safe to run at any time, any number at once; answers how much it did."""
    skus = table.skus()
    due = skus.due(clock.now(), PER_SHARD)
    return sweep(lambda: move_each(skus, due, look, "StockNotLookedAt", moved="looked_at"), republish_left_behind)
