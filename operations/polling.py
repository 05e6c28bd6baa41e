"""Repeated observation of a stage until a condition holds or a deadline passes."""

import time
from collections.abc import Callable


def wait_until(is_done: Callable[[], bool], deadline_seconds: float, *, every_seconds: float = 0.5) -> bool:
    """Call `is_done` every `every_seconds` until it returns True or the deadline passes. Return whether it did.

    It is called at least once, also with a deadline of 0 seconds.

    Example:
        >>> wait_until(lambda: True, 0)
        True
    """
    ends = time.monotonic() + deadline_seconds
    while not is_done():
        if time.monotonic() >= ends:
            return False
        time.sleep(every_seconds)
    return True
