"""Repeated observation of a stage until a condition holds or a deadline passes, and the clock that it goes by."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Clock:
    """Time as an operation measures it and spends it. A test passes one of its own.

    `now` returns seconds since any fixed moment, `sleep` takes seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


CLOCK: Final = Clock()
"""The clock of this machine."""


def wait_for(
    observe: Callable[[], T],
    is_done: Callable[[T], bool],
    deadline_seconds: float,
    clock: Clock = CLOCK,
    *,
    every_seconds: float = 0.5,
) -> T:
    """Observe until `is_done` holds or the deadline passes. Return the last observation.

    It observes at least once, also with a deadline of 0 seconds.

    Example:
        >>> wait_for(lambda: "COMPLETED", lambda state: state == "COMPLETED", deadline_seconds=60)
        'COMPLETED'
    """
    ends = clock.now() + deadline_seconds
    while True:
        seen = observe()
        if is_done(seen) or clock.now() > ends:
            return seen
        clock.sleep(every_seconds)
