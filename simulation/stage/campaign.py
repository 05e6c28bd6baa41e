"""Many worlds on several processes, in an order that does not depend on how many: totals, and the first that failed."""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from simulation.stage.runs import Verdict, WorldRun, run_world

LOGS_HUNTED_EVERY: Final = 25
"""Of this many worlds, one is searched for personal data in all its logs and metrics."""


@dataclass
class Totals:
    """The result of a campaign."""

    orders: int = 0
    worlds: int = 0
    faults: int = 0
    steps: int = 0
    checks: int = 0
    second_replays: int = 0
    minutes: int = 0
    searched: int = 0
    """The texts that were searched for personal data and payment tokens."""
    traced: int = 0
    """The events and log lines whose trace was compared with their order's."""
    slowest: tuple[int, int, str] = (0, 0, "")
    modes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    failed: Verdict | None = None
    _hash: "sha256" = field(default_factory=sha256)  # type: ignore[valid-type]

    def add(self, verdict: Verdict) -> None:
        """Count a world, in the order of their numbers."""
        self.orders += verdict.orders
        self.worlds += 1
        self.faults += len(verdict.struck)
        self.steps += verdict.steps
        self.checks += verdict.checked
        self.second_replays += verdict.replays == 2
        self.minutes += verdict.minutes
        self.searched += verdict.searched
        self.traced += verdict.traced
        self.slowest = max(self.slowest, verdict.slowest)
        self.modes.update(str(mode) for mode in verdict.struck.values())
        self._hash.update(f"{verdict.number} {verdict.digest}\n".encode())  # type: ignore[attr-defined]
        if verdict.violated and self.failed is None:
            self.failed = verdict

    @property
    def digest(self) -> str:
        """The history's hash: equal in two runs if and only if every world took the same steps at the same times."""
        return str(self._hash.hexdigest())  # type: ignore[attr-defined]


def run_campaign(
    seed: str,
    orders: int,
    processes: int,
    progress: Callable[[Totals], None] = lambda totals: None,
    *,
    adapters: bool = False,
    all_logs: bool = False,
) -> Totals:
    """Worlds until `orders` orders were placed, or one failed."""
    totals = Totals()
    started = time.monotonic()
    for verdict in _verdicts(seed, processes, adapters, all_logs):
        totals.add(verdict)
        totals.seconds = time.monotonic() - started
        progress(totals)
        if totals.failed or totals.orders >= orders:
            break
    return totals


def _verdicts(seed: str, processes: int, adapters: bool, all_logs: bool) -> Iterator[Verdict]:
    runs = (
        WorldRun(seed, number, adapters=adapters, hunt_logs=all_logs or number % LOGS_HUNTED_EVERY == 0)
        for number in range(10**9)
    )
    if processes <= 1:
        yield from map(_run, runs)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        yield from _windowed(pool, runs, processes * 2)


def _windowed(pool: "multiprocessing.pool.Pool", runs: Iterator[WorldRun], ahead: int) -> Iterator[Verdict]:
    """As `imap`, but no more than `ahead` worlds are begun before their turn."""
    begun = [pool.apply_async(_run, (next(runs),)) for _ in range(ahead)]
    while True:
        verdict = begun.pop(0).get()
        begun.append(pool.apply_async(_run, (next(runs),)))
        yield verdict


def _run(run: WorldRun) -> Verdict:
    os.environ.setdefault("PYTHONHASHSEED", "random")
    return run_world(run)
