"""From a run that failed to the least of it that still fails: fewer orders, then fewer faults (delta debugging)."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.simulation.runs import Verdict, WorldRun, run_world

T = TypeVar("T")
MAX_SECONDS = 90.0


def shrink(run: WorldRun, verdict: Verdict, say: Callable[[str], None] = lambda text: None) -> tuple[WorldRun, Verdict]:
    """The smallest run found, within MAX_SECONDS, that violates the same invariant; and its verdict, with its trace."""
    deadline = time.monotonic() + MAX_SECONDS
    best = replace(run, faults=dict(verdict.struck))

    def fails(smaller: WorldRun) -> bool:
        return run_world(smaller).violated == verdict.violated

    if fails(best):
        numbers = sorted(best.chosen if best.chosen is not None else range(best.orders))
        kept = least(numbers, lambda some: fails(replace(best, chosen=frozenset(some))), deadline)
        best = replace(best, chosen=frozenset(kept))
        say(f"{len(numbers)} orders → {len(kept)}")
        struck = sorted(run_world(best).struck.items())
        of_orders = [(boundary, mode) for boundary, mode in struck if "ord-" in boundary]  # most likely none of the sweeps'
        if fails(replace(best, faults=dict(of_orders))):
            struck = of_orders
        left = least(struck, lambda some: fails(replace(best, faults=dict(some))), deadline)
        best = replace(best, faults=dict(left))
        say(f"{len(verdict.struck)} faults → {len(left)}")
    else:
        best = run  # a fault plan read from a list is the drawn one; if not, the drawn one it stays
    return best, run_world(best, trace=True)


def least(things: Sequence[T], fails: Callable[[Sequence[T]], bool], deadline: float) -> list[T]:
    """A small part of `things` that still fails (ddmin), or the best so far at the deadline."""
    current, parts = list(things), 2
    if current and fails([]):
        return []
    while len(current) >= 2 and time.monotonic() < deadline:
        size = -(-len(current) // parts)
        chunks = [current[start : start + size] for start in range(0, len(current), size)]
        for position in range(len(chunks)):
            if time.monotonic() >= deadline:
                break
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
    return current
