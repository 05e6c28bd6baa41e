"""Known bugs, put back one by one: can this harness fail?

Each `bugs/*.yaml` (bug.py) is put into a copy of `kernel/` and `services/`. The copy comes first on the path of a process
of its own; there the simulation runs until an invariant is violated.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.catalogue import label
from simulation.known_bugs.bug import BUGS, KnownBug, MisplacedBugError, known_bugs

REPOSITORY: Final = Path(__file__).parents[2]
PACKAGES: Final = ("kernel", "services")
INVARIANT: Final = re.compile("[A-Z][0-9]")


@dataclass(frozen=True)
class Caught:
    """The verdict on a bug. `violated` is the code of an invariant, the error of the harness, or None."""

    name: str
    about: str
    violated: str | None
    text: str
    orders: int
    seconds: float
    caught_by: tuple[str, ...] = ()
    """The invariants that must see it; none: any may."""

    @property
    def verdict(self) -> str:
        """The invariant that caught it, or why none did."""
        if self.violated is None:
            return "NOT CAUGHT"
        named = label(self.violated)
        return f"{named} after {self.orders:,} orders" if self.is_caught else f"NOT CAUGHT: {named}"

    @property
    def is_caught(self) -> bool:
        """Whether an invariant did, and the right one."""
        return bool(self.violated and INVARIANT.fullmatch(self.violated)) and (
            not self.caught_by or self.violated in self.caught_by
        )


def changed_copy(bug: KnownBug, folder: Path) -> None:
    """Make a copy of kernel/ and services/ in `folder`, with the bug in it. Raises MisplacedBugError."""
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    bug.put_into(folder)


def hunt(bug: KnownBug, orders: int, seed: str, keep: bool = False) -> Caught:
    """Run the simulation on the changed copy."""
    folder = Path(tempfile.mkdtemp(prefix=f"orderflow-{bug.name}-"))
    started = time.monotonic()
    try:
        try:
            changed_copy(bug, folder)
        except MisplacedBugError as misplaced:
            return Caught(bug.name, f"write the bug anew: {misplaced}", None, "", 0, 0.0)
        command = [sys.executable, "-m", "simulation.known_bugs.hunt", str(folder), str(orders), seed]
        command += ["--adapters"] if bug.adapters else []
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{bug.name}: {done.stderr[-2000:]}")
        result = json.loads(done.stdout.splitlines()[-1])
    finally:
        if not keep:
            shutil.rmtree(folder)
    seconds = time.monotonic() - started
    return Caught(bug.name, bug.about, result["violated"], result["text"], result["orders"], seconds, bug.caught_by)


def main(names: Sequence[str], orders: int, seed: str, processes: int, keep: bool) -> int:
    """Run the command. Return 0 if every bug was caught."""
    chosen = known_bugs(names)
    unknown = sorted(set(names) - {bug.name for bug in chosen})
    if unknown:
        sys.exit(f"There is no bug {', '.join(unknown)}; they are the files of {BUGS}, without their ending.")
    missed = 0
    with ThreadPoolExecutor(processes) as pool:
        try:
            for caught in pool.map(lambda bug: hunt(bug, orders, seed, keep), chosen):
                missed += not caught.is_caught
                print(f"{caught.name:40} {caught.verdict:66} {caught.seconds:4.0f} s  {caught.about}", flush=True)  # noqa: T201
        except BrokenPipeError:  # the reader has read enough: begin no other
            pool.shutdown(cancel_futures=True)
            raise
    print(f"{len(chosen) - missed} of {len(chosen)} bugs caught within {orders:,} orders")  # noqa: T201
    return int(missed > 0)


def _child(folder: str, orders: str, seed: str, *adapters: str) -> None:
    sys.path.insert(0, folder)
    from simulation.stage import process
    from simulation.stage.campaign import run_campaign

    process.make_ready()
    for package in PACKAGES:
        assert str(Path(sys.modules[package].__path__[0])).startswith(folder), "the changed copy is not what runs"
    totals = run_campaign(seed, int(orders), processes=1, adapters=bool(adapters))
    failed = totals.failed
    result = {"violated": failed.violated if failed else None, "text": failed.text if failed else "", "orders": totals.orders}
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    _child(*sys.argv[1:])
