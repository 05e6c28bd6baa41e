"""The journal of many orders: its cost, the orders a minute that it takes, and the memory of its readers.

Its objects are made when they are read, so that the memory is the reader's own.
`python -m tests.benchmarks.journal --orders N` reads the journal of N orders, and prints the figures as JSON. `--write` records
them in `data/benchmarks.json`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

import stages
from operations import benchmarks, order_trace
from operations.benchmarks import Figure, Result
from operations.economics import capacity, costs
from operations.replay.plan import Wanted, plan
from operations.repository import REPOSITORY
from tests.benchmarks.audit_growth import peak_mb
from tests.benchmarks.capacity import LEAST_LARGE, REGION
from tests.support.journal_of_orders import PATH, WINDOW, JournalOfOrders, order_id

BENCHMARK: Final = "journal"
ORDERS: Final = 1_000_000
MOST_USD: Final = 3.0
"""For a million orders."""
MOST_MB: Final = 256
MOST_STREAMS: Final = 16
"""The most that the setting `journal_streams` allows."""


@dataclass(frozen=True)
class Reading:
    """The events that a reader found, the objects that it read, and its memory."""

    events: int
    objects: int
    peak_mb: int


def planned(orders: int) -> Reading:
    """Plan a replay of an hour with so many orders."""
    target = JournalOfOrders(orders=orders)
    found = plan(target, WINDOW, ["notification"], Wanted(), catch_up=False, a_second=1.0)
    return Reading(found["events"]["in_window"], target.objects.read, peak_mb())


def traced(orders: int) -> Reading:
    """Trace one order of so many in an hour."""
    target = JournalOfOrders(orders=orders)
    roots = order_trace.trace(target, order_id(orders // 2)).roots
    return Reading(sum(map(_size, roots)), target.objects.read, peak_mb())


READERS: Final[Mapping[str, Callable[[int], Reading]]] = {"plan": planned, "trace": traced}


def measure(orders: int = ORDERS) -> Result:
    """Return the figures of so many orders. Each reader has a process of its own, whose memory is the reader's."""
    found = {}
    for reader in READERS:
        command = [sys.executable, "-m", "tests.benchmarks.journal", "--orders", str(orders), "--reader", reader]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=REPOSITORY).stdout
        found[reader] = Reading(**json.loads(printed))
    return result(orders, found["plan"], found["trace"])


def result(orders: int, plan_of_window: Reading, trace_of_order: Reading) -> Result:
    """Return the figures with their bars."""
    [usd] = [share["usd"] for share in costs.costs(path=PATH)["promises"][PATH] if share["name"] == "journal"]
    large = replace(stages.load(stages.LAPTOP_STAGE), journal_streams=MOST_STREAMS)
    bounds = capacity.bounds(large, capacity.limits(REGION))
    bound = min(found["orders_per_minute"] for found in bounds if found["part"].startswith("journal"))
    return Result(
        f"{orders:,} orders in an hour",
        (
            Figure(f"journal of a million orders, {PATH}", "USD", usd, MOST_USD),
            Figure(f"journal with {MOST_STREAMS} streams", "orders a minute", bound, LEAST_LARGE, is_least=True),
            Figure("memory of a plan", "MB", plan_of_window.peak_mb, MOST_MB, is_exact=False),
            Figure("memory of a trace", "MB", trace_of_order.peak_mb, MOST_MB, is_exact=False),
            Figure("events of a plan", "events", plan_of_window.events),
            Figure("objects that a plan reads", "objects", plan_of_window.objects),
            Figure("objects that a trace reads", "objects", trace_of_order.objects),
        ),
    )


def main() -> None:
    """Print the figures of one reader, or of all, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--reader", choices=READERS, help="measure only this reader, in this process")
    parser.add_argument("--write", action="store_true", help="record the figures in data/benchmarks.json")
    options = parser.parse_args()
    if options.reader:
        print(json.dumps(asdict(READERS[options.reader](options.orders))))  # noqa: T201
        return
    measured = measure(options.orders)
    print(json.dumps(asdict(measured)))  # noqa: T201
    if options.write:
        benchmarks.write({**benchmarks.read(), BENCHMARK: measured})


def _size(node: order_trace.Node) -> int:
    return 1 + sum(map(_size, node.caused))


if __name__ == "__main__":
    main()
