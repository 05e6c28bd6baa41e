"""The one clock. All code reads the time here, so that a simulation or a test can set it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_source: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731


def now() -> datetime:
    """Return the current time in UTC."""
    return _source()


@contextmanager
def use_source(source: Callable[[], datetime]) -> Iterator[None]:
    """Read the time from `source` while the block runs.

    Example:
        >>> with use_source(lambda: datetime(2026, 11, 23, tzinfo=UTC)):
        ...     rfc3339(now())
        '2026-11-23T00:00:00.000Z'
    """
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


def rfc3339(moment: datetime) -> str:
    """Return the time in UTC to the millisecond, `2026-11-23T04:05:06.789Z`. The texts sort as the times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def from_rfc3339(text: str) -> datetime:
    """Parse an RFC 3339 time with an offset. Raises ValueError for any other text."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset; write it as 2026-11-23T04:05:06.789Z")
    return moment.astimezone(UTC)
