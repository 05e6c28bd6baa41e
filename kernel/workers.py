"""The threads by which a sweep moves several rows at once."""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class SweepSettings:
    """The number of rows that a sweep moves at once."""

    sweep_at_once: int = 1


@dataclass(frozen=True)
class Tally:
    """Counts by name, which any thread may raise."""

    counts: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def add(self, name: str, number: int = 1) -> None:
        """Add `number` to the count of this name."""
        with self.lock:
            self.counts[name] += number


def work_on(rows: Iterable[T], work: Callable[[T], None], at_once: int) -> None:
    """Do `work` on each row, on at most `at_once` of them at the same time.

    The first error of `work` is raised, and rows that are not begun by then are left. An error of `rows` is raised when the
    rows that it yielded are done.
    """
    if at_once == 1:
        for row in rows:
            work(row)
        return
    with ThreadPoolExecutor(at_once) as pool:
        begun = [pool.submit(copy_context().run, work, row) for row in rows]  # so that its log has the keys of the sweep
        try:
            for done in begun:
                done.result()
        except Exception:
            pool.shutdown(cancel_futures=True)
            raise
