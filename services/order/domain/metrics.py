"""The business metrics of orders."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, get_args

from kernel import clock
from kernel.measures import Measure, Metric
from services.order.domain.model import OrderRow, Reason

CONFIRMED: Final = Metric("OrdersConfirmed", "Count", "orders that were confirmed")
TIME_TO_YES: Final = Metric("TimeToYes", "Milliseconds", "from the placing of an order to its confirmation")
TIME_TO_ANSWER: Final = Metric(
    "TimeToAnswer",
    "Milliseconds",
    "from the placing of an order to its first answer: confirmed, cancelled, or waiting for stock",
)
CANCELLED: Final = Metric(
    "OrdersCancelled", "Count", "orders that were cancelled, also after a confirmation", "reason", get_args(Reason)
)
METRICS: Final = (CONFIRMED, TIME_TO_YES, TIME_TO_ANSWER, CANCELLED)


def measures(step: str, row: OrderRow) -> Iterator[Measure]:
    """Yield what a step of an order, with the row after it, adds to the metrics."""
    if step == "wait" or (step in ("confirm", "cancel") and "backordered_at" not in row):
        yield Measure(TIME_TO_ANSWER, _milliseconds_since_placed(row))
    match step:
        case "confirm":
            yield Measure(CONFIRMED, 1)
            yield Measure(TIME_TO_YES, _milliseconds_since_placed(row))
        case "cancel" | "revoke":
            yield Measure(CANCELLED, 1, row["reason"])


def _milliseconds_since_placed(row: OrderRow) -> int:
    return (clock.from_rfc3339(row["updated_at"]) - clock.from_rfc3339(row["created_at"])) // timedelta(milliseconds=1)
