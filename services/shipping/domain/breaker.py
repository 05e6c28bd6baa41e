"""The circuit breaker before the carrier: after some failures in a row it pauses the calls, then one probe decides."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NotRequired, TypedDict

from kernel import clock

FAILURES_TO_PAUSE: Final = 5
"""How many calls must fail in a row before the calls are paused."""
FIRST_PAUSE: Final = timedelta(seconds=30)
LONGEST_PAUSE: Final = timedelta(minutes=5)
PROBE_TIME: Final = timedelta(minutes=1)
"""How long one caller may probe the carrier: longer than a call takes. If it died, another may probe after this time."""


class BreakerRow(TypedDict):
    """The item `BREAKER#carrier`. There is none before the first failure."""

    pk: str
    failures: int
    """The calls that failed since the last one that succeeded."""
    pauses: NotRequired[int]
    """The pauses since then, while the calls are paused."""
    paused_until: NotRequired[str]
    """Until then no call is made, in RFC 3339 (UTC). After it, one caller may probe."""


class State(StrEnum):
    """The permission of a caller."""

    CLOSED = "CLOSED"
    """Call the carrier."""
    OPEN = "OPEN"
    """Make no call."""
    HALF_OPEN = "HALF_OPEN"
    """Call it once, as a probe, after claiming the probe."""


def state_of(row: BreakerRow | None, now: datetime) -> State:
    """Return what a caller may do who read the row, which is None if there is none."""
    if row is None or "paused_until" not in row:
        return State.CLOSED
    return State.OPEN if row["paused_until"] > clock.rfc3339(now) else State.HALF_OPEN


def pause_after(pauses: int) -> timedelta:
    """Return the length of the next pause, after so many: it doubles up to LONGEST_PAUSE."""
    return min(FIRST_PAUSE * (1 << min(pauses, 10)), LONGEST_PAUSE)
