"""`python -m tests.benchmarks.audit_growth --orders N`: the memory, the time and the cost of an audit of N orders.

The orders are copies of one that was delivered, made when they are read, so that the memory is the auditor's own.
"""

import argparse
import json
import resource
import time
from pathlib import Path

from audit.order_rows import order_keys, read_orders
from audit.rolling_pass import PassState, advance
from audit.rows import StageRows
from audit.tables import TABLES
from kernel import clock
from tests.support.many_orders import ManyOrders, delivered_order

USD_A_MILLION_UNITS = 0.125
"""On-demand read request units in us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand."""
SHOWN_EVERY_ROWS = 1_000_000
PROCESS_STATUS = Path("/proc/self/status")


def main() -> None:
    """Print the figures of a whole pass as JSON, and the progress of a long one before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    orders: int = parser.parse_args().orders
    copied = delivered_order()
    rows, checked = (StageRows(ManyOrders(copied, orders), {table: table for table in TABLES}) for _ in range(2))
    state, findings = PassState(clock.rfc3339(clock.now())), 0
    before, began = peak_mb(), time.process_time()
    while not state.is_done:
        shown = state.rows // SHOWN_EVERY_ROWS
        findings += len(advance(state, rows))
        if state.rows // SHOWN_EVERY_ROWS > shown:
            print(f"{state.rows} rows, {peak_mb()} MB", flush=True)  # noqa: T201
    [order_id] = [row["order_id"]["S"] for row in copied.rows_of("order", 0)]
    own = [row for _, row in checked.at(order_keys([order_id]), consistent=False)]
    read_orders(checked, [order_id], state.began, consistent=False, more={"order": own})
    figures = {
        "orders": orders,
        "rows": state.rows,
        "findings": findings,
        "peak_mb": peak_mb(),
        "peak_mb_before": before,
        "state_bytes": len(state.as_json()),
        "cpu_seconds": round(time.process_time() - began, 1),
        "units_of_a_pass_per_order": round(rows.units / orders, 2),
        "usd_of_a_pass_per_million_orders": round(rows.units / orders * USD_A_MILLION_UNITS, 2),
        "units_of_a_check": checked.units,
        "usd_of_a_million_checks": round(checked.units * USD_A_MILLION_UNITS, 2),
    }
    print(json.dumps(figures))  # noqa: T201


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
