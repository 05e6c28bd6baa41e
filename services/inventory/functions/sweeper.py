"""The sweeper: every minute, it evaluates each SKU whose available stock changed, for the orders that wait for it.

Holds have no clock: the saga releases them. The sweeper releases a hold that the saga left and that no order needs.
"""

import os
from collections.abc import Mapping
from typing import Final

from kernel import clients, clock
from kernel.aggregate_store import Causation, Row
from kernel.entrypoints import move_each, release_if_orphan, republish_stale_outbox, sweep
from kernel.facts import OwnerFacts
from kernel.metrics import count
from kernel.orphans import LANE
from services.inventory.domain import decisions, states
from services.inventory.domain.stock import AVAILABLE
from services.inventory.storage import table
from services.inventory.use_cases import backorders, levels

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
    facts = OwnerFacts(clients.functions, os.environ["STAGE"])
    return release_if_orphan(table.reservations(), order_id, UNSETTLED, let_go, facts)


def let_go(row: Row) -> None:
    """Release a reservation that no order needs. Raises ContentionError."""
    order_id, cause = row["order_id"], Causation(row["correlation_id"], f"{row['pk']}#{row['version']}")
    table.reservations().move(order_id, lambda row, seen: decisions.let_go(row, seen, order_id, cause.correlation_id), cause)
    count("OrphanReleased", 1)


def handler(event: Mapping[str, object], context: object) -> dict[str, int]:
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
