"""The reduction of a failure, in limited time."""

import time
from collections.abc import Callable, Sequence

from simulation.stage.shrink import Least, least


def needs(*needed: int) -> Callable[[Sequence[int]], bool]:
    def fails(some: Sequence[int]) -> bool:
        return set(needed) <= set(some)

    return fails


def test_what_is_left_is_needed() -> None:
    found = least(range(100), needs(3, 57), time.monotonic() + 60)
    assert found == Least([3, 57], 0)


def test_nothing_is_left_of_what_is_not_needed() -> None:
    assert least(range(100), needs(), time.monotonic() + 60) == Least([], 0)


def test_what_there_was_no_time_for_is_counted() -> None:
    found = least(range(100), needs(3), time.monotonic() - 1)
    assert (len(found.things), found.untried) == (100, 100)
