"""From a run that failed to the least of it that still fails: fewer orders, then fewer faults (delta debugging).

Each try runs the world once more, so the time is bounded. The report names the tries that the time did not suffice for.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from simulation.stage.runs import Verdict, WorldRun, run_world

T = TypeVar("T")
MAX_SECONDS = 90.0


def shrink(
    run: WorldRun, verdict: Verdict, say: Callable[[str], None] = lambda text: None, seconds: float = MAX_SECONDS
) -> tuple[WorldRun, Verdict]:
    """Return the smallest run found in so many seconds that violates the same invariant, and its verdict with its trace."""
    deadline = time.monotonic() + seconds
    best, shown = replace(run, faults=dict(verdict.struck)), verdict

    def fails(smaller: WorldRun) -> bool:
        nonlocal best, shown
        found = run_world(smaller)
        if found.violated != verdict.violated:
            return False
        best, shown = smaller, found
        return True

    if not fails(best):
        say("the faults that struck do not make it fail again when they are given as a list: nothing was removed")
        return run, run_world(run, trace=True)
    numbers = sorted(best.chosen if best.chosen is not None else range(best.orders))
    whole = best
    kept = least(numbers, lambda some: fails(replace(whole, chosen=frozenset(some))), deadline)
    say(_removed("orders", len(numbers), kept))
    fewer = best
    struck = sorted(shown.struck.items())
    of_orders = [(boundary, mode) for boundary, mode in struck if "ord-" in boundary]  # most likely none of the sweeps'
    if time.monotonic() < deadline and fails(replace(fewer, faults=dict(of_orders))):
        struck = of_orders
    left = least(struck, lambda some: fails(replace(fewer, faults=dict(some))), deadline)
    say(_removed("faults", len(verdict.struck), left))
    return best, run_world(best, trace=True)


@dataclass(frozen=True)
class Least(Generic[T]):
    """The rest, and the parts of it that were never left out: their removal might still fail."""

    things: Sequence[T]
    untried: int


def _removed(of_what: str, before: int, left: Least[T]) -> str:
    """Say how many are left, and why."""
    summary = f"{before} {of_what} → {len(left.things)}"
    if not left.untried:
        return f"{summary}: without any one of them it does not fail" if left.things else summary
    return f"{summary}: the time was up; {left.untried} of them were not tried one by one (--shrink-seconds gives it more)"


def least(things: Sequence[T], fails: Callable[[Sequence[T]], bool], deadline: float) -> Least[T]:
    """Return a small part of `things` that still fails (ddmin), or the best so far at the deadline."""
    current, parts = list(things), 2
    if current and time.monotonic() < deadline and fails([]):
        return Least([], 0)
    while len(current) >= 2:
        size = -(-len(current) // parts)
        chunks = [current[start : start + size] for start in range(0, len(current), size)]
        for position in range(len(chunks)):
            if time.monotonic() >= deadline:
                return Least(current, len(current) - (position if size == 1 else 0))
            if (parts == 2 or len(chunks[position]) <= len(current) // 2) and fails(chunks[position]):
                current, parts = list(chunks[position]), 2
                break
            rest = [thing for at, chunk in enumerate(chunks) if at != position for thing in chunk]
            if len(rest) < len(current) and fails(rest):
                current, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(current):
                break
            parts = min(parts * 2, len(current))
    return Least(current, 0)
