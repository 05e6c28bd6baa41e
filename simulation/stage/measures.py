"""The business metrics that simulated worlds emit, beside what their tables say after them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any, Final

from simulation.engine.faults import RandomFaults
from simulation.engine.process import SINK, keep_logs
from simulation.engine.scheduler import SECOND
from simulation.stage.customers import Workload
from simulation.stage.recorded_calls import hold_nothing, report_as_stripe
from simulation.stage.runs import ORDERS_PER_WORLD, RATES, WorldRun, set_going_again
from simulation.stage.world import World

Measured = Counter[str]
"""The sums by metric and value of its dimension, such as `OrdersCancelled CUSTOMER`."""
COUNTED: Final = frozenset({"TimeToShip", "TimeToAnswer", "TimeToMail"})
"""Metrics whose values are counted, because no row keeps when its parcel was dispatched, its order answered, its mail sent."""
ANSWERS: Final = frozenset({"OrderConfirmed", "OrderCancelled", "OrderBackordered"})
MONEY: Final = frozenset({"MoneyCaptured", "MoneyRefunded", "MoneyRefundedByHand"})
SUMMED: Final = MONEY | {"OrdersConfirmed", "TimeToYes", "OrdersCancelled", "StockOuts"}
NAMES: Final = SUMMED | COUNTED | {"MailsSent", "MailsFailed"}
"""The metrics that the tables have too."""
TAKEN: Final = frozenset({"CAPTURED", "REFUNDING", "REFUNDED", "REFUND_REFUSED"})
"""The statuses of a payment whose money was captured."""


def of_world(seed: str, number: int, *, faults: bool) -> tuple[Measured, Measured]:
    """Return what the tables of a world say, and all that it emitted; see `world_of`."""
    emitted = Measured()
    with world_of(seed, number, lambda text: _add(emitted, text), faults=faults) as world:
        return _of_tables(world), emitted


@contextmanager
def world_of(seed: str, number: int, read: Callable[[str], None], *, faults: bool) -> Iterator[World]:
    """Run a world of 40 orders, redrive and replay all of it; `read` gets all that its functions print.

    Each second world has Stripe and EasyPost. There, a payment is refunded by hand.
    """
    chance = WorldRun(seed, number).chance
    plan = RandomFaults(chance, chance.choice("rate", RATES))
    plan.quiet = not faults
    world = World(chance, plan, adapters=number % 2 == 1)

    def begin(world: World) -> None:
        Workload(world, ORDERS_PER_WORLD, None).run()
        if world.accounts is not None:
            hold_nothing(world)
            world.spawn("stripe", partial(report_as_stripe, world), after=SECOND)

    keep_logs(read)
    try:
        with redirect_stdout(SINK):  # Powertools prints metrics
            world.run(begin)
            set_going_again(world, "orderflow-catch-up-once")
        yield world
    finally:
        keep_logs(None)
        world.abandon()


@dataclass(frozen=True)
class Sums:
    """The sums by the tables and by the emitted metrics, after some orders."""

    by_tables: Measured
    emitted: Measured

    def compared(self) -> Iterator[tuple[str, int, int]]:
        """Yield each metric that the tables have too, with the value of its dimension and both sums."""
        for name in sorted(self.by_tables.keys() | self.emitted.keys()):
            if name.partition(" ")[0] in NAMES:
                yield name, self.by_tables[name], self.emitted[name]

    def others(self) -> list[str]:
        """Return the names of the other metrics that were emitted."""
        return sorted({name.partition(" ")[0] for name in self.emitted} - NAMES)


def of_worlds(seed: str, orders: int, *, faults: bool) -> Sums:
    """Return the sums after so many orders."""
    sums = Sums(Measured(), Measured())
    for number in range(-(-orders // ORDERS_PER_WORLD)):
        by_tables, emitted = of_world(seed, number, faults=faults)
        sums.by_tables.update(by_tables)
        sums.emitted.update(emitted)
    return sums


def _add(emitted: Measured, text: str) -> None:
    """Add the lines in the embedded metric format."""
    for line in text.splitlines():
        if not line.startswith('{"_aws"'):
            continue
        content = json.loads(line)
        [emf] = content["_aws"]["CloudWatchMetrics"]
        values = [content[name] for name in emf["Dimensions"][0] if name != "service"]
        for name in (metric["Name"] for metric in emf["Metrics"]):
            measured = content[name]
            emitted[" ".join((name, *values))] += len(measured) if name in COUNTED else int(sum(measured))


def _of_tables(world: World) -> Measured:
    found = Measured()
    unmarshal = import_module("kernel.aggregate_store").unmarshal
    for table in world.dynamodb.tables.values():
        for item in list(table.rows.values()):
            found.update(dict(_of_row(unmarshal(item))))
    return found


def _of_row(row: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield what a row says of the metrics."""
    match str(row.get("pk", "")).partition("#")[0]:
        case "ORDER":
            entries = import_module("kernel.timeline").entries(row["timeline"], row["order_id"])
            at = {entry["event"]: entry["at"] for entry in entries}
            if ANSWERS & at.keys():
                yield "TimeToAnswer", 1
            if "OrderConfirmed" in at:
                waited = datetime.fromisoformat(at["OrderConfirmed"]) - datetime.fromisoformat(row["created_at"])
                yield "OrdersConfirmed", 1
                yield "TimeToYes", waited // timedelta(milliseconds=1)
            if "OrderCancelled" in at:
                yield f"OrdersCancelled {row['reason']}", 1
        case "PAY" if row["status"] in TAKEN:
            yield f"MoneyCaptured {row['total']['currency']}", row["total"]["amount"]
            if row["status"] == "REFUNDED":
                yield f"MoneyRefunded {row['total']['currency']}", row["total"]["amount"]
        case "REFUND":
            yield f"MoneyRefundedByHand {row['amount']['currency']}", row["amount"]["amount"]
        case "RES" if {"rejected", "backordered", "asked"} & row.keys():
            yield "StockOuts", 1
        case "SHIP" if "tracking" in row:
            yield "TimeToShip", 1
        case "NOTE" if row["status"] in ("SENT", "FAILED"):
            yield f"Mails{row['status'].capitalize()} {row['kind']}", 1
            if row["status"] == "SENT" or row["reason"] == "SENDING_UNKNOWN":
                yield "TimeToMail", 1
