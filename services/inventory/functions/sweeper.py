"""The sweeper: every minute, it evaluates each SKU with a change of its available stock, for the orders that wait for it.

Holds have no clock: the saga releases them. The sweeper releases a hold that the saga left and that no order needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from kernel import clock
from kernel.aggregate_store import Causation
from kernel.clients import Clients
from kernel.entrypoints import bootstrap_republish, move_each, release_if_orphan, sweep
from kernel.facts import OwnerFacts
from kernel.handler import Handler, lambda_handler
from kernel.index_shards import share_in
from kernel.metrics import count
from kernel.orphans import LANE, unsettled
from kernel.settings import from_environment
from kernel.timeouts import SWEEP_BEGINS_SECONDS
from kernel.workers import SweepSettings
from services.inventory.domain import decisions, states
from services.inventory.domain.model import ReservationRow
from services.inventory.storage.places import Places
from services.inventory.storage.shards import Shards
from services.inventory.storage.skus import Skus
from services.inventory.storage.table import Levels, Reservations
from services.inventory.use_cases.backorders import Backorders
from services.inventory.use_cases.levels import StockAlerts
from services.inventory.use_cases.split_stock import SplitStock

PER_SHARD: Final = 1000
"""How many SKUs of a shard one sweep evaluates; the rest come first in the next."""


ORPHANS_PER_SHARD: Final = 250
"""How many unsettled reservations of a shard one sweep evaluates; the rest come first in the next."""
UNSETTLED: Final = frozenset({states.WAITING, states.HELD})
"""Statuses in which an order holds stock, or waits for it."""


@dataclass(frozen=True)
class Sweeper:
    """Evaluates the SKUs and the reservations that are due."""

    backorders: Backorders
    alerts: StockAlerts
    split_stock: SplitStock
    facts: OwnerFacts

    def evaluate(self, sku: str, until: datetime) -> bool:
        """Serve the SKU's back-orders, then compare the rest with its threshold. Go on with a merge that was begun.

        A crash before the end, or a queue that is not served `until` then, leaves the SKU due, and the next sweep continues. So
        does a merge, which changes the rest. If an order could not be served, its error is raised at the end.
        """
        served = self.backorders.serve(sku, until)
        seen = self.backorders.skus.get(sku)
        if seen is not None and seen["merging"]:
            self.split_stock.merge(sku)
        elif seen is not None:
            self.alerts.evaluate(sku, self.split_stock.total(seen)["available"], marked=seen["watched"])
            if served.complete:
                self.backorders.skus.clear_due(sku, seen, served.first_place)
        if served.failure:
            raise served.failure
        return True

    def release_orphan(self, order_id: str) -> bool:
        """Release the reservation if its order does not need it; return whether it was released.

        Raises ContentionError, and what `OwnerFacts.of` raises.
        """
        return release_if_orphan(self.backorders.reservations, order_id, UNSETTLED, self._release, self.facts)

    def _release(self, row: ReservationRow) -> None:
        order_id, causation = row["order_id"], Causation(row["correlation_id"], f"{row['pk']}#{row['version']}")
        self.backorders.reservations.apply_step(
            order_id,
            lambda row, seen: decisions.release_unsold(row, seen, order_id, causation.correlation_id),
            causation,
        )
        count("OrphanReleased", 1)


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of a sweep, which returns how much it did. Sweeps may overlap."""
    table_name = environ["TABLE_NAME"]
    republish = bootstrap_republish(clients, environ, unsettled(states.TRANSITIONS.aggregate, UNSETTLED))
    skus, reservations = Skus(clients.dynamodb, table_name), Reservations(clients.dynamodb, table_name)
    alerts = StockAlerts(skus, Levels(clients.dynamodb, table_name))
    facts = OwnerFacts(lambda: clients.functions, environ)
    backorders = Backorders(skus, Places(clients.dynamodb, table_name), reservations)
    split_stock = SplitStock(skus, Shards(clients.dynamodb, table_name))
    sweeper = Sweeper(backorders, alerts, split_stock, facts)
    at_once = from_environment(SweepSettings, environ).sweep_at_once

    def handle(event: Mapping[str, object], context: object) -> dict[str, int]:
        begun, share = clock.now(), share_in(event)
        due = skus.due(begun, PER_SHARD, share=share)
        evaluate = partial(sweeper.evaluate, until=begun + timedelta(seconds=SWEEP_BEGINS_SECONDS))
        unsettled = reservations.due(begun, ORPHANS_PER_SHARD, LANE, share)
        return sweep(
            lambda: move_each(skus, due, evaluate, "StockNotLookedAt", moved="looked_at", begun=begun, at_once=at_once),
            lambda: move_each(
                reservations,
                unsettled,
                sweeper.release_orphan,
                "OrphansNotReleased",
                moved="released",
                failed="not_released",
                begun=begun,
                at_once=at_once,
            ),
            lambda: republish(share),
        )

    return handle


handler = lambda_handler(bootstrap)
