"""The simulation's reports: while it runs, at its end, and about a failure, with the command that repeats it."""

import json
import sys
import time
from pathlib import Path
from typing import Final

from audit.catalogue import label
from simulation.engine.faults import Mode
from simulation.stage.campaign import Totals
from simulation.stage.runs import Verdict, WorldRun

FAILURES: Final = Path("build/simulation")
TRACE_SHOWN: Final = 60
FAULTS_SHOWN: Final = 20


class Progress:
    """One line a second, rewritten in place on a terminal."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.last = 0.0
        self.tty = sys.stderr.isatty()

    def __call__(self, totals: Totals) -> None:
        """Tell how far it is."""
        now = time.monotonic()
        if now - self.last < (1.0 if self.tty else 10.0):
            return
        self.last = now
        line = (
            f"{totals.orders:,} of {self.wanted:,} orders, {totals.orders / max(totals.seconds, 0.01):.0f} a second, "
            f"{totals.faults:,} faults, {totals.checks:,} checks, {int(totals.failed is not None)} violations"
        )
        say(f"\r{line}\x1b[K" if self.tty else line, end="" if self.tty else "\n")


def say(text: str, end: str = "\n") -> None:
    """To the person, on stderr."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


def summary(totals: Totals, seed: str) -> str:
    """Summarize the campaign in a few lines."""
    per_order = totals.faults / max(totals.orders, 1)
    modes = ", ".join(f"{count:,} {mode}" for mode, count in totals.modes.most_common())
    return "\n".join(
        [
            (
                f"seed {seed}: {totals.orders:,} orders in {totals.worlds} worlds, {totals.seconds:.0f} s "
                f"({totals.orders / max(totals.seconds, 0.01):.0f} orders a second)"
            ),
            f"faults: {totals.faults:,}, {per_order:.1f} an order ({modes})",
            (
                f"steps: {totals.steps:,}; order checks: {totals.checks:,}; replays: {totals.worlds} that cover the lost, "
                f"{totals.second_replays} more that change nothing"
            ),
            f"searched for personal data and payment tokens: {totals.searched:,} log lines, events, inputs and messages",
            f"compared with the trace of their order: {totals.traced:,} events and log lines",
            f"slowest to its end: {totals.slowest[0]} sweeps that no fault struck ({totals.slowest[1]} in all)",
            f"violations: {label(totals.failed.violated or '') if totals.failed else 0}",
            f"history: {totals.digest}",
        ]
    )


def failure(run: WorldRun, verdict: Verdict, smallest: WorldRun, shown: Verdict) -> str:
    """Report the invariant, the shortest trace, and the command that shows it again."""
    file = save(smallest, shown)
    faults = [f"  {mode}: {boundary}" for boundary, mode in (smallest.faults or shown.struck).items()]
    if len(faults) > FAULTS_SHOWN:
        faults[FAULTS_SHOWN:] = [f"  and {len(faults) - FAULTS_SHOWN} more, in {file}"]
    orders = "all orders" if smallest.chosen is None else f"orders {', '.join(map(str, sorted(smallest.chosen)))}"
    struck = f"{len(shown.struck)} of {len(verdict.struck)} faults"
    left_out = len(shown.trace) - TRACE_SHOWN
    return "\n".join(
        [
            "",
            f"VIOLATED {label(shown.violated or '')}: {shown.text}",
            f"seed {run.seed}, world {run.number}: {orders} of {run.orders}, {struck}:",
            *faults,
            *([f"... {left_out} earlier steps are in {file.with_suffix('.txt')}"] if left_out > 0 else []),
            *shown.trace[-TRACE_SHOWN:],
            "",
            f"again, small:  python -m simulation repeat {file}",
            repeat(run),
        ]
    )


def repeat(run: WorldRun) -> str:
    """Return the command that runs the whole world again."""
    adapters = " --adapters" if run.adapters else ""
    return f"again, whole:  python -m simulation run --seed {run.seed} --world {run.number}{adapters}"


def save(run: WorldRun, verdict: Verdict) -> Path:
    """Keep a failing run, so that it can be repeated: its file."""
    FAILURES.mkdir(parents=True, exist_ok=True)
    file = FAILURES / f"{verdict.violated}-{run.seed}-{run.number}.json"
    kept = {
        "seed": run.seed,
        "number": run.number,
        "orders": run.orders,
        "adapters": run.adapters,
        "chosen": None if run.chosen is None else sorted(run.chosen),
        "faults": None if run.faults is None else {boundary: mode.value for boundary, mode in run.faults.items()},
    }
    file.write_text(json.dumps(kept, indent=1) + "\n")
    file.with_suffix(".txt").write_text("\n".join(verdict.trace) + "\n")
    return file


def load(file: Path) -> WorldRun:
    """Load a run that `save` kept."""
    kept = json.loads(file.read_text())
    return WorldRun(
        kept["seed"],
        kept["number"],
        kept["orders"],
        None if kept["chosen"] is None else frozenset(kept["chosen"]),
        None if kept["faults"] is None else {boundary: Mode(mode) for boundary, mode in kept["faults"].items()},
        kept.get("adapters", False),
    )
