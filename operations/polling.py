"""Repeated observation of a stage until a condition holds or a deadline passes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(observe: Callable[[], T], is_done: Callable[[T], bool], deadline_seconds: float) -> T:
    """Observe every 0.5 seconds until `is_done` holds or the deadline passes. Return the last observation.

    It observes at least once, also with a deadline of 0 seconds.

    Example:
        >>> wait_for(lambda: "COMPLETED", lambda state: state == "COMPLETED", deadline_seconds=60)
        'COMPLETED'
    """
    ends = time.monotonic() + deadline_seconds
    while True:
        seen = observe()
        if is_done(seen) or time.monotonic() > ends:
            return seen
        time.sleep(0.5)
