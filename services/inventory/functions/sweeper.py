"""The sweeper: every minute, each SKU of which more or less became available is looked at, for whoever waits for it.

Holds have no clock: the saga lets them go. What it left behind is released if no order needs it.
"""

from typing import Any, Final

from aws_lambda_powertools import Logger

from kernel import clock
from kernel.aggregate_store import Causation
from kernel.entrypoints import move_each, republish_stale_outbox, sweep
from kernel.facts import facts_of
from kernel.metrics import count
from kernel.orphans import LANE, LOOK_AGAIN_AFTER, is_orphan
from services.inventory.domain import decisions, states
from services.inventory.domain.stock import AVAILABLE
from services.inventory.storage import table
from services.inventory.use_cases import backorders, levels

logger = Logger()
PER_SHARD: Final = 250
"""How many SKUs of a shard one sweep looks at; the rest come first in the next."""


ORPHANS_PER_SHARD: Final = 25
"""How many unsettled reservations of a shard one sweep looks at; the rest come first in the next."""
UNSETTLED: Final = frozenset({states.WAITING, states.HELD})
"""Statuses in which goods are held, or waited for."""


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


def release_orphan(order_id: str) -> bool:
    """Release the reservation if its order does not exist, or is cancelled; return whether it was.

    Raises ContentionError, and what `facts_of` raises.
    """
    reservations = table.reservations()
    row = reservations.get(order_id)
    if row is None or row["status"] not in UNSETTLED:
        return False
    if not is_orphan(facts_of("order", order_id)):
        reservations.postpone(order_id, clock.now() + LOOK_AGAIN_AFTER)
        return False
    logger.error("reservation without an order", order_id=order_id, status=row["status"])
    cause = Causation(row["correlation_id"], f"{row['pk']}#{row['version']}")
    reservations.move(order_id, lambda row, seen: decisions.let_go(row, seen, order_id, cause.correlation_id), cause)
    count("OrphanReleased", 1)
    return True


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """One sweep. Safe to run at any time, any number at once; answers how much it did."""
    skus, reservations, begun = table.skus(), table.reservations(), clock.now()
    due = skus.due(begun, PER_SHARD)
    unsettled = reservations.due(begun, ORPHANS_PER_SHARD, LANE)
    return sweep(
        lambda: move_each(skus, due, look, "StockNotLookedAt", moved="looked_at", begun=begun),
        lambda: move_each(
            reservations, unsettled, release_orphan, "OrphansNotReleased", moved="released", failed="not_released", begun=begun
        ),
        republish_stale_outbox,
    )
