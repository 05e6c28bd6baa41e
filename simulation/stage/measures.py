"""The business metrics that simulated worlds emit, beside what their tables say after them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from importlib import import_module
from typing import Any, Final

from simulation.engine.faults import Kind, Mode, RandomFaults
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
REPLAYS: Final = "EventsReplayed"
"""No row has it, so it is beside the log's lines. It is emitted after a batch, and a crash in the batch loses it."""
NAMES: Final = SUMMED | COUNTED | {"MailsSent", "MailsFailed", REPLAYS}
"""The metrics that the tables, or the lines of the log, have too."""
WRITES: Final = ("UpdateItem", "PutItem", "TransactWriteItems")
FACTS: Final = frozenset({"OrdersConfirmed", "OrdersCancelled", "StockOuts", "MailsSent", "MailsFailed", "TimeToShip"})
"""Metrics that count a fact each: their sums are numbers of facts, and no fact is in two of them."""
PARTING: Final = frozenset(
    {Mode.CRASH_AFTER, Mode.ANSWER_LOST, Mode.ANSWER_LOST_ONCE, Mode.LATE, Mode.SERVER_ERROR, Mode.SERVER_ERROR_ONCE}
)
"""The faults after which a write is made, and the function that made it is dead or does not know. So it emits no measure."""
TAKEN: Final = frozenset({"CAPTURED", "REFUNDING", "REFUNDED", "REFUND_REFUSED"})
"""The statuses of a payment whose money was captured."""


class Faults(StrEnum):
    """The faults of a world."""

    NONE = "without faults"
    ANSWERED = "with faults that part no write from its measure"
    ALL = "with faults"


class AnsweredFaults(RandomFaults):
    """Random faults, without those of PARTING."""

    def _choose(self, boundary: str, kind: Kind, bits: int) -> Mode | None:
        mode = super()._choose(boundary, kind, bits)
        return None if mode in PARTING else mode


@dataclass(frozen=True)
class Sums:
    """The sums by the tables and by the emitted metrics, after some orders.

    `parted` is how many faults may have lost a measure.
    """

    by_tables: Measured
    emitted: Measured
    parted: int

    def compared(self) -> Iterator[tuple[str, int, int]]:
        """Yield each metric that the tables have too, with the value of its dimension and both sums."""
        for name in sorted(self.by_tables.keys() | self.emitted.keys()):
            if name.partition(" ")[0] in NAMES:
                yield name, self.by_tables[name], self.emitted[name]

    def lost(self) -> int:
        """Return how many facts have no measure, by the metrics that each count a kind of facts."""
        return sum(told - emitted for name, told, emitted in self.compared() if name.partition(" ")[0] in FACTS)

    def wrong(self, faults: Faults) -> int:
        """Return how many sums are wrong: unequal, or above the tables where faults may lose a measure."""
        inexact = {Faults.NONE: frozenset[str](), Faults.ANSWERED: frozenset({REPLAYS}), Faults.ALL: NAMES}[faults]
        return sum(
            emitted > told if name.partition(" ")[0] in inexact else emitted != told for name, told, emitted in self.compared()
        )

    def others(self) -> list[str]:
        """Return the names of the other metrics that were emitted."""
        return sorted({name.partition(" ")[0] for name in self.emitted} - NAMES)


def of_world(seed: str, number: int, faults: Faults) -> Sums:
    """Return what the tables of a world say, and all that it emitted; see `world_of`."""
    emitted, handled = Measured(), Measured()

    def read(text: str) -> None:
        _add(emitted, text)
        handled[REPLAYS] += sum('"event handled"' in line and '"replay_name"' in line for line in text.splitlines())

    with world_of(seed, number, read, faults) as world:
        return Sums(_of_tables(world) + handled, emitted, sum(_parts(*struck) for struck in world.plan.struck.items()))


def _parts(boundary: str, mode: Mode) -> bool:
    """Return whether a fault parts a write to a row from its measure."""
    return mode in PARTING and boundary.rpartition(" > ")[2].startswith(WRITES)


@contextmanager
def world_of(seed: str, number: int, read: Callable[[str], None], faults: Faults) -> Iterator[World]:
    """Run a world of 40 orders, redrive and replay all of it; `read` gets all that its functions print.

    Each second world has Stripe and EasyPost. There, a payment is refunded by hand.
    """
    chance = WorldRun(seed, number).chance
    plan = (AnsweredFaults if faults is Faults.ANSWERED else RandomFaults)(chance, chance.choice("rate", RATES))
    plan.quiet = faults is Faults.NONE
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


def of_worlds(seed: str, orders: int, faults: Faults) -> Sums:
    """Return the sums after so many orders."""
    found = [of_world(seed, number, faults) for number in range(-(-orders // ORDERS_PER_WORLD))]
    by_tables, emitted = Measured(), Measured()
    for sums in found:
        by_tables.update(sums.by_tables)
        emitted.update(sums.emitted)
    return Sums(by_tables, emitted, sum(sums.parted for sums in found))


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
