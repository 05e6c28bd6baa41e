"""How long an order, or the bus, may wait for each kind of thing while a stage runs."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from audit.checks.awaited import Awaited, Overdue
from kernel import clock

PATIENCE: Final = timedelta(hours=1)
"""How long a thing may be late: retries, sweeps and a dependency that was down for a while."""
PUBLISHED_WITHIN: Final = timedelta(minutes=15)
"""How long an event may wait for the bus. A relay publishes within seconds, a sweeper within three minutes."""


@dataclass(frozen=True)
class Limits:
    """The seconds after which an undecided order is cancelled, and the seconds that a back-order may wait for stock."""

    abort_after_seconds: int
    back_ordered_for_seconds: int


def overdue(now: datetime, limits: Limits) -> Overdue:
    """Return, for each kind of thing, the moment since which it may be awaited at most."""
    waits = {
        Awaited.END: timedelta(seconds=limits.abort_after_seconds) + PATIENCE,
        Awaited.STOCK: timedelta(seconds=limits.back_ordered_for_seconds) + PATIENCE,
        Awaited.PARCEL: PATIENCE,
        Awaited.NEWS: PATIENCE,
        Awaited.BUS: PUBLISHED_WITHIN,
    }
    return {awaited: clock.rfc3339(now - wait) for awaited, wait in waits.items()}
