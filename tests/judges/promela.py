"""The protocol as a Promela model (`docs/explanation/protocol.pml`), verified by Spin: the whole, and each part taken away.

`python -m tests.judges.promela` (`make verify-protocol`) verifies everything and prints each verdict. Needs `spin` and a C
compiler, both Debian packages (`apt-get install spin gcc`).
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.catalogue import label

MODEL: Final = Path(__file__).parents[2] / "docs" / "explanation" / "protocol.pml"
NEEDED: Final = ("spin", "gcc")
DEADLINE_SECONDS: Final = 540
MEMORY_MEGABYTES: Final = 8000
DEPTH: Final = 1_000_000
SAFETY: Final = ("M1", "M2", "M3", "M4", "D1", "O1", "C1", "T1")
ALL_SAFE: Final = "SAFE"
"""All of these in one property."""
OF_EVENTS: Final = frozenset({"E1", "E2", "I1", "E3", "E5"})
"""Properties that need the processes of the events and of the repeated request, which the others are verified without."""
LIVENESS: Final = frozenset({"V1", "E3", "E5"})
SMALL: Final = ("-DFAULTS=1", "-DSWEEPERS=1")
LARGE: Final = ("-DFAULTS=1", "-DSWEEPERS=2")


class SpinError(RuntimeError):
    """Spin or the verifier that it made did not give a verdict."""


@dataclass(frozen=True)
class Part:
    """A part of the protocol, by its macro in the model, and the property that breaks without it; None if none does."""

    macro: str
    breaks: str | None


PARTS: Final = {
    "the saga starts before the row is written": Part("ROW_FIRST", "O1"),
    "the idempotency record is another row": Part("KEY_IN_THE_ROW", "I1"),
    "OrderPlaced is put after the row is written": Part("FIRST_EVENT_IN_THE_ROW", "E5"),
    "CONFIRMING is written without a condition": Part("CONDITION_ON_CONFIRMING", "D1"),
    "CANCELLING is written without a condition": Part("CONDITION_ON_CANCELLING", "D1"),
    "a loser of the decision goes its own way": Part("LOSERS_HELP", "M1"),
    "the money is captured, then it is decided": Part("DECISION_FIRST", "M1"),
    "each attempt at the gateway has a key of its own": Part("GATEWAY_KEY", "M2"),
    "an unknown outcome is taken for a no": Part("EVIDENCE_OF_A_DECLINE", "M4"),
    "authorise is called before its intent is written": Part("INTENT", None),
    "a void that finds no payment leaves none": Part("PAYMENT_TOMBSTONE", "M4"),
    "a release that finds no hold leaves none": Part("STOCK_TOMBSTONE", "M4"),
    "the gateway takes an authorise after its void": Part("GATEWAY_TOMBSTONE", "M4"),
    "a hold expires": Part("HOLDS_THAT_STAY", "V1"),
    "there is no sweeper": Part("SWEEPER", "V1"),
    "a dead sweeper keeps its lease": Part("LEASE_THAT_ENDS", "V1"),
    "past its deadline an order is cancelled untried": Part("TRY_BEFORE_THE_END", "T1"),
    "a try from before the deadline counts as one after it": Part("THE_TRY_THAT_THE_ROW_NAMES", "T1"),
    "the event is put after the row is written": Part("OUTBOX", "E3"),
    "the event is put before the row is written": Part("EVENT_AFTER_STATE", "E2"),
    "the relay clears what the bus did not accept": Part("FAILED_ENTRIES_KEPT", "E3"),
    "every delivery makes a shipment": Part("INBOX", "E1"),
    "a time-out is reported as a rejection": Part("HONEST_ANSWERS", "C1"),
    "the decision is reported as a confirmation": Part("HONEST_CONFIRMATION", "C1"),
}
"""By the model checker's own words for the same part (`simulation/modelcheck/ablation.py`)."""


@dataclass(frozen=True)
class Verdict:
    """Spin's verdict on a property: if it holds in every state and every fair run, and the number of stored states."""

    name: str
    holds: bool
    states: int
    seconds: float


def missing() -> list[str]:
    """Return the programs that this machine lacks."""
    return [program for program in NEEDED if shutil.which(program) is None]


def verify(properties: Sequence[str], *flags: str) -> Iterator[Verdict]:
    """Yield the verdict on each property of the model made with these macros. Raises SpinError."""
    with tempfile.TemporaryDirectory(prefix="orderflow-spin-") as name:
        folder = Path(name)
        shutil.copy(MODEL, folder)
        _run(folder, "spin", "-a", *flags, MODEL.name)
        made: dict[bool, str] = {}
        for wanted in properties:
            lives = wanted in LIVENESS
            if lives not in made:
                made[lives] = "live" if lives else "safe"
                options = ["-DNFAIR=4"] if lives else ["-DSAFETY"]
                _run(
                    folder,
                    "gcc",
                    "-O1",
                    "-w",
                    "-DCOLLAPSE",
                    f"-DMEMLIM={MEMORY_MEGABYTES}",
                    *options,
                    "-o",
                    made[lives],
                    "pan.c",
                )
            yield _verdict(folder, made[lives], wanted)


def without(part: Part, flags: Sequence[str] = SMALL) -> list[Verdict]:
    """Return the verdict on the property that breaks without the part; on all that should hold where none does."""
    properties = [part.breaks] if part.breaks else [ALL_SAFE, "V1"]
    events = ["-DEVENTS"] if part.breaks in OF_EVENTS else []
    return list(verify(properties, *flags, *events, f"-DWITHOUT_{part.macro}"))


def _verdict(folder: Path, verifier: str, name: str) -> Verdict:
    started = time.monotonic()
    fair = ["-a", "-f"] if name in LIVENESS else []
    said = _run(folder, f"./{verifier}", *fair, "-N", name, f"-m{DEPTH}")
    errors, states = re.search(r"errors: (\d+)", said), re.search(r"(\d+) states, stored", said)
    if errors is None or states is None or "max search depth too small" in said or "out of memory" in said:
        raise SpinError(f"{name} has no verdict:\n{said[-2000:]}")
    return Verdict(name, errors[1] == "0", int(states[1]), time.monotonic() - started)


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS)
    if done.returncode != 0:
        raise SpinError(f"{' '.join(command)}: code {done.returncode}\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def main() -> int:
    """Verify the whole and each part taken away; return 0 if every verdict is as it should be."""
    if absent := missing():
        print(f"Install {' and '.join(absent)} (Debian: apt-get install {' '.join(absent)}).", file=sys.stderr)  # noqa: T201
        return 1
    wrong = 0
    for about, properties, flags in (
        ("three runs", (*SAFETY, "V1"), LARGE),
        ("two runs, with events", ("E1", "E2", "I1", "E3", "E5"), (*SMALL, "-DEVENTS")),
    ):
        for verdict in verify(properties, *flags):
            wrong += not verdict.holds
            _say(f"the whole, {about}: {label(verdict.name)}", "holds" if verdict.holds else "BROKEN", verdict)
    for instead, part in PARTS.items():
        verdicts = without(part)
        broken = [verdict for verdict in verdicts if not verdict.holds]
        wrong += bool(broken) != bool(part.breaks)
        _say(instead, f"breaks {label(broken[0].name)}" if broken else "breaks nothing", (broken or verdicts)[0])
    print(f"{wrong} verdicts are not as they should be")  # noqa: T201
    return int(wrong > 0)


def _say(what: str, verdict: str, found: Verdict) -> None:
    print(f"{what:80} {verdict:56} {found.states:>12,} states {found.seconds:6.1f} s", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
