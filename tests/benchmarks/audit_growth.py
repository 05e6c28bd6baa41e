"""The audit of many orders: the memory of a pass over them, the reads of an order, and what they cost.

The orders are copies of one that was delivered, made when they are read, so that the memory is the auditor's own.
`python -m tests.benchmarks.audit_growth --orders N` passes over N orders, and prints the figures as JSON. `--write` records
them in `data/benchmarks.json`.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from audit.order_rows import order_keys, read_orders
from audit.rolling_pass import PHASES, PassState, advance
from audit.rows import StageRows
from audit.tables import TABLES
from kernel import clock
from operations import benchmarks
from operations.benchmarks import Figure, Result
from operations.economics import audits, costs, deployed, prices
from operations.economics.audits import AuditReads
from operations.economics.bill import MILLION
from operations.repository import REPOSITORY
from tests.support.many_orders import ManyOrders, delivered_order

ORDERS = 1_000_000
MOST_MB = 256
MOST_CHECKS, MOST_PASSES = 2.0, 5.0
"""US dollars: of a check of a million orders, and of a month of passes over a million orders."""
SHOWN_EVERY_SECONDS = 10.0
PROCESS_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Growth:
    """The figures of one pass over so many orders, and of one check."""

    orders: int
    rows: int
    findings: int
    peak_mb: int
    state_bytes: int
    cpu_seconds: float
    reads_of_a_pass: float
    reads_of_a_check: float


def measure(orders: int = ORDERS) -> Result:
    """Return the figures of an audit of so many orders by a process of its own, whose memory is the audit's."""
    command = [sys.executable, "-m", "tests.benchmarks.audit_growth", "--orders", str(orders)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=REPOSITORY).stdout
    return result(Growth(**json.loads(printed)))


def result(growth: Growth) -> Result:
    """Return the figures with their bars."""
    reads, known, facts = AuditReads(growth.reads_of_a_check, growth.reads_of_a_pass), prices.load(), deployed.load()
    shared = known.busy["orders"]
    alone, together = (
        round(audits.checks_cost(MILLION, reads, known, facts, of_a_batch=size), costs.CENTS) for size in (1, shared)
    )
    passes = round(audits.passes_cost(MILLION, reads, known, facts), costs.CENTS)
    return Result(
        f"{growth.orders:,} orders",
        (
            Figure("memory of a pass", "MB", growth.peak_mb, MOST_MB, is_exact=False),
            Figure("findings of a pass", "of no fault", growth.findings, 0),
            Figure(audits.ROLLING_READS, "units an order", reads.of_a_pass),
            Figure(audits.CHECK_READS, "units an order", reads.of_a_check),
            Figure(f"checks of a million orders, {shared:g} in a batch", "USD", together, MOST_CHECKS),
            Figure("checks of a million orders, each alone in its batch", "USD", alone),
            Figure("passes over a million orders", "USD a month", passes, MOST_PASSES),
        ),
    )


def main() -> None:
    """Print the figures of a whole pass as JSON. Show the progress of a long one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--write", action="store_true", help="record the figures in data/benchmarks.json")
    options = parser.parse_args()
    growth = passed_over(options.orders)
    print(json.dumps(asdict(growth)))  # noqa: T201
    if options.write:
        benchmarks.write({**benchmarks.read(), audits.BENCHMARK: result(growth)})


def passed_over(orders: int) -> Growth:
    """Pass over so many orders, read one order as its check does, and return the figures."""
    copied = delivered_order()
    rows, checked = (StageRows(ManyOrders(copied, orders), {table: table for table in TABLES}) for _ in range(2))
    state, findings, began = PassState(clock.rfc3339(clock.now())), 0, time.process_time()
    shown = began
    while not state.is_done:
        findings += len(advance(state, rows))
        if not state.is_done and time.process_time() - shown > SHOWN_EVERY_SECONDS:
            shown = time.process_time()
            progress = f"{PHASES[state.phase]}: {rows.units:,.0f} units read, {state.rows:,} rows checked, {peak_mb()} MB"
            print(progress, file=sys.stderr, flush=True)  # noqa: T201
    [order_id] = [row["order_id"]["S"] for row in copied.rows_of("order", 0)]
    own = [row for _, row in checked.at(order_keys([order_id]), consistent=False)]
    read_orders(checked, [order_id], state.began, consistent=False, more={"order": own})
    return Growth(
        orders=orders,
        rows=state.rows,
        findings=findings,
        peak_mb=peak_mb(),
        state_bytes=len(state.as_json()),
        cpu_seconds=round(time.process_time() - began, 1),
        reads_of_a_pass=round(rows.units / orders, 2),
        reads_of_a_check=checked.units,
    )


def peak_mb() -> int:
    """Return the most memory that this process had so far, in MB.

    Linux's `getrusage` also counts the process before it ran this program, a copy of its parent.
    """
    if PROCESS_STATUS.exists():
        lines = PROCESS_STATUS.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
