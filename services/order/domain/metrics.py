"""The business metrics of orders."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, get_args

from kernel import clock
from kernel.measures import Measure, Metric
from services.order.domain.model import OrderRow, Reason

CONFIRMED: Final = Metric("OrdersConfirmed", "Count", "orders that were confirmed")
TIME_TO_YES: Final = Metric("TimeToYes", "Milliseconds", "from the placing of an order to its confirmation")
CANCELLED: Final = Metric(
    "OrdersCancelled", "Count", "orders that were cancelled, also after a confirmation", "reason", get_args(Reason)
)
METRICS: Final = (CONFIRMED, TIME_TO_YES, CANCELLED)


def measures(step: str, row: OrderRow) -> Iterator[Measure]:
    """Yield what a step of an order, with the row after it, adds to the metrics."""
    match step:
        case "confirm":
            waited = clock.from_rfc3339(row["updated_at"]) - clock.from_rfc3339(row["created_at"])
            yield Measure(CONFIRMED, 1)
            yield Measure(TIME_TO_YES, waited // timedelta(milliseconds=1))
        case "cancel" | "revoke":
            yield Measure(CANCELLED, 1, row["reason"])
