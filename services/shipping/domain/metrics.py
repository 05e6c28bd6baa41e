"""The business metrics of parcels."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.measures import Measure, Metric
from services.shipping.domain.model import ShipmentRow

TIME_TO_SHIP: Final = Metric(
    "TimeToShip", "Seconds", "from the order's confirmation, as shipping consumed it, to the carrier's tracking number"
)
METRICS: Final = (TIME_TO_SHIP,)


def measures(step: str, row: ShipmentRow) -> Iterator[Measure]:
    """Yield what a step of a shipment, with the row after it, adds to the metrics."""
    if step == "dispatch":
        waited = clock.from_rfc3339(row["updated_at"]) - clock.from_rfc3339(row["created_at"])
        yield Measure(TIME_TO_SHIP, waited // timedelta(seconds=1))
