"""The one way a test waits: look again until it is so, or say what did not happen."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], deadline_seconds: float, what: str, *, every_seconds: float = 0.1) -> T:
    """Call `probe` until it returns something true, and return that; fail with `what` at the deadline.

    An `AssertionError` of the probe counts as "not yet", and its text is in the failure.
    """
    ends = time.monotonic() + deadline_seconds
    last = "nothing"
    while True:
        try:
            seen = probe()
            if seen:
                return seen
            last = repr(seen)
        except AssertionError as error:
            last = str(error)
        if time.monotonic() >= ends:
            raise AssertionError(f"not within {deadline_seconds:g} s: {what} (last seen: {last})")
        time.sleep(every_seconds)
