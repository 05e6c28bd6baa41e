"""The business metrics of the inventory."""

from collections.abc import Iterator
from typing import Final

from kernel.measures import Measure, Metric
from services.inventory.domain.model import ReservationRow

STOCK_OUTS: Final = Metric(
    "StockOuts", "Count", "orders that some stock was too short for: they were refused, shortened, or wait for it"
)
METRICS: Final = (STOCK_OUTS,)


def measures(step: str, row: ReservationRow) -> Iterator[Measure]:
    """Yield what a step of a reservation, with the row after it, adds to the metrics."""
    if step in ("reject", "wait") or (step == "reserve" and "asked" in row):
        yield Measure(STOCK_OUTS, 1)
