"""A sweep's threads: several rows at once, each of them once, and an error that ends the work."""

from collections.abc import Iterator
from threading import Barrier

import pytest

from kernel.workers import Tally, work_on


@pytest.mark.parametrize("at_once", [1, 4])
def test_each_row_is_worked_on_once(at_once: int) -> None:
    seen: list[int] = []
    work_on(range(100), seen.append, at_once)
    assert sorted(seen) == list(range(100))


def test_rows_are_worked_on_at_the_same_time() -> None:
    meeting = Barrier(4, timeout=10)

    def meet(row: int) -> None:
        meeting.wait()

    work_on(range(4), meet, 4)


@pytest.mark.parametrize("at_once", [1, 4])
def test_error_of_a_row_is_raised(at_once: int) -> None:
    def fail(row: int) -> None:
        raise ValueError(row)

    with pytest.raises(ValueError, match="0"):
        work_on(range(100), fail, at_once)


@pytest.mark.parametrize("at_once", [1, 4])
def test_rows_before_an_error_of_their_index_are_done(at_once: int) -> None:
    def rows() -> Iterator[int]:
        yield from range(3)
        raise ConnectionError

    seen: list[int] = []
    with pytest.raises(ConnectionError):
        work_on(rows(), seen.append, at_once)
    assert sorted(seen) == [0, 1, 2]


def test_threads_lose_no_count() -> None:
    tally = Tally()

    def count(row: int) -> None:
        tally.add("rows")

    work_on(range(1000), count, 8)
    assert tally.counts["rows"] == 1000
