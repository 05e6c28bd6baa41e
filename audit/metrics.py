"""The business metrics that a pass of the audit measures: how many orders wait, and for how long."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from audit.rolling_pass import PassState
from kernel import clock
from kernel.measures import Measure, Metric

BACK_ORDERS: Final = Metric(
    "BackOrdersWaiting", "Count", "orders that wait for stock, at the end of a pass; none if no order does"
)
OLDEST: Final = Metric(
    "OldestUnfinishedOrder", "Seconds", "the age of the oldest order without an end, at the end of a pass; none if all have one"
)
METRICS: Final = (BACK_ORDERS, OLDEST)


def measures(state: PassState, now: datetime) -> Iterator[Measure]:
    """Yield what a whole pass has found of the orders that have no end yet, and nothing if all have one."""
    if state.back_orders:
        yield Measure(BACK_ORDERS, state.back_orders)
    if state.unfinished_since is not None:
        yield Measure(OLDEST, (now - clock.from_rfc3339(state.unfinished_since)) // timedelta(seconds=1))
