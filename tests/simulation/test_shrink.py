"""The reduction of a failure, in limited time."""

import time
from collections.abc import Callable, Sequence

from simulation.stage.shrink import Least, least


def needs(*needed: int) -> Callable[[Sequence[int]], bool]:
    def fails(some: Sequence[int]) -> bool:
        return set(needed) <= set(some)

    return fails


def test_shrinking_keeps_the_needed_things() -> None:
    found = least(range(100), needs(3, 57), time.monotonic() + 60)
    assert found == Least([3, 57], 0)


def test_shrinking_removes_everything_unneeded() -> None:
    assert least(range(100), needs(), time.monotonic() + 60) == Least([], 0)


def test_shrinking_without_time_counts_the_untried() -> None:
    found = least(range(100), needs(3), time.monotonic() - 1)
    assert (len(found.things), found.untried) == (100, 100)
