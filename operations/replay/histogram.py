"""The events of a stretch of time, counted in equal parts of it, from the journal."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypedDict

from kernel import clock
from operations.aws.target import Target
from operations.events import journal
from operations.window import Window

MOST_COUNTED: Final = 200_000
"""The most puts that are read. Hours before the one that passes it are not counted."""
HOUR: Final = timedelta(hours=1)


Span = TypedDict("Span", {"from": str, "until": str})
"""A window, in RFC 3339 (UTC)."""


class Histogram(TypedDict):
    """The counts of puts on the bus, oldest first. Parts before `counted_from` are 0 because they were not read.

    `from`, `until` and `counted_from` are in RFC 3339 (UTC).
    """

    window: Span
    counted_from: str
    counts: list[int]


def histogram(
    target: Target,
    window: Window,
    parts: int,
    most: int = MOST_COUNTED,
    progress: Callable[[int], None] = lambda hours: None,
) -> Histogram:
    """Return the counts of so many equal parts of a window. The journal is read hour by hour, the latest hour first.

    `progress` receives the number of hours that were read.
    """
    part = (window.end - window.start) / parts
    counts, total = [0] * parts, 0
    counted_from = window.end
    for done, hour in enumerate(reversed(_hours(window)), start=1):
        for put in journal.in_window(target, hour):
            counts[min(parts - 1, int((clock.from_rfc3339(put.put_at) - window.start) / part))] += 1
            total += 1
        counted_from = hour.start
        progress(done)
        if total >= most:
            break
    return {
        "window": {"from": clock.rfc3339(window.start), "until": clock.rfc3339(window.end)},
        "counted_from": clock.rfc3339(counted_from),
        "counts": counts,
    }


def _hours(window: Window) -> Sequence[Window]:
    """Return the window cut at the full hours."""
    found: list[Window] = []
    at = window.start
    while at < window.end:
        end = min(window.end, _full_hour(at) + HOUR)
        found.append(Window(at, end))
        at = end
    return found


def _full_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
