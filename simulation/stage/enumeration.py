"""The enumeration: every call boundary of every path, struck in every mode; and every two boundaries, one after the other.

The modes are: the caller dies before the call; dies after it; the answer is lost; the request is doubled; it arrives late,
past recovery. Where a boundary is not a call but a hand-over (a delivery, a batch, a schedule) the modes are those that it can
have. A read changes nothing, so before and after, doubled and late are the same for it: it is struck in the two that differ.

Pairs are of boundaries that change something: to die at a read is to die after the change before it.
"""

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from audit.catalogue import label
from simulation.engine.faults import ENUMERATED, Kind, Mode
from simulation.stage import process, report
from simulation.stage.paths import BY_NAME, PATHS, Path, PathVerdict, run_path
from simulation.stage.share import ALL, Share

READS: Final = frozenset({Kind.READ, Kind.STALE_READ, Kind.BATCH_READ, Kind.STALE_BATCH_READ})
HAND_OVERS: Final = {
    Kind.DELIVERY: (Mode.DROPPED, Mode.DOUBLED, Mode.DELAYED),
    Kind.RARE_DELIVERY: (Mode.DROPPED, Mode.DOUBLED, Mode.DELAYED),
    Kind.STREAM: (Mode.DROPPED, Mode.THROTTLED, Mode.ANSWER_LOST, Mode.DOUBLED, Mode.DELAYED),
    Kind.QUEUE: (Mode.THROTTLED, Mode.ANSWER_LOST, Mode.DOUBLED, Mode.DELAYED),
    Kind.SCHEDULE: (Mode.DROPPED, Mode.DOUBLED, Mode.DELAYED),
}
FIRST_OF_PAIR: Final = (Mode.CRASH_AFTER, Mode.LATE)
"""How the first of a pair is struck: an execution dies, or a request becomes a zombie."""

Faults = tuple[tuple[str, Mode], ...]


@dataclass(frozen=True)
class Case:
    """A path and what strikes it. `wants_boundaries` selects the boundaries in the result."""

    path: str
    faults: Faults
    wants_boundaries: bool = False


@dataclass(frozen=True)
class Result:
    """The result of a case."""

    case: Case
    violated: str | None
    text: str
    after: tuple[tuple[str, Kind], ...] = ()
    """The changing boundaries met after the first fault had struck."""


def modes_of(kind: Kind) -> tuple[Mode, ...]:
    """Return the modes in which a boundary of this kind is struck."""
    if kind in READS:
        return (Mode.CRASH_BEFORE, Mode.LOST)
    if kind is Kind.MAIL:  # SES is never asked twice, and nothing else can tell a doubled request from two
        return (Mode.CRASH_BEFORE, Mode.CRASH_AFTER, Mode.ANSWER_LOST, Mode.LATE)
    return HAND_OVERS.get(kind, ENUMERATED)


def pair_mode(kind: Kind, first: Mode) -> Mode:
    """How one of a pair is struck: as `first`, or the nearest that a hand-over has."""
    if kind not in HAND_OVERS:
        return first
    nearest = {Mode.CRASH_AFTER: (Mode.DROPPED, Mode.ANSWER_LOST), Mode.LATE: (Mode.DELAYED,)}[first]
    return next(mode for mode in nearest if mode in HAND_OVERS[kind])


def singles(paths: Iterable[Path]) -> list[Case]:
    """Every boundary that the paths meet, in every mode."""
    return [
        Case(path.name, ((boundary, mode),))
        for path in paths
        for boundary, kind in run_path(path, {}, boundaries=True).boundaries
        for mode in modes_of(kind)
    ]


def firsts(paths: Iterable[Path]) -> list[Case]:
    """Every changing boundary, struck as the first of a pair; each asks for the boundaries that follow."""
    return [
        Case(path.name, ((boundary, pair_mode(kind, mode)),), wants_boundaries=True)
        for path in paths
        for boundary, kind in run_path(path, {}, boundaries=True).boundaries
        if kind not in READS
        for mode in FIRST_OF_PAIR
    ]


def run_case(case: Case) -> Result:
    """Run a case."""
    verdict = run_path(BY_NAME[case.path], dict(case.faults), boundaries=case.wants_boundaries)
    after: tuple[tuple[str, Kind], ...] = ()
    if case.wants_boundaries:
        names = [name for name, _ in verdict.boundaries]
        (struck, _), *_ = case.faults
        start = names.index(struck) + 1 if struck in names else len(names)
        after = tuple((name, kind) for name, kind in verdict.boundaries[start:] if kind not in READS)
    return Result(case, verdict.violated, verdict.text, after)


def run_all(cases: Sequence[Case], processes: int) -> Iterator[Result]:
    """Yield the results, in order."""
    if processes <= 1:
        yield from map(run_case, cases)
        return
    with multiprocessing.get_context("spawn").Pool(processes, initializer=process.make_ready) as pool:
        yield from pool.imap(run_case, cases, chunksize=20)


def pairs(results: Iterable[Result]) -> list[Case]:
    """Every first fault with every boundary after it, the second dying there."""
    return [
        Case(result.case.path, (*result.case.faults, (boundary, pair_mode(kind, Mode.CRASH_AFTER))))
        for result in results
        for boundary, kind in result.after
    ]


def enumerate_paths(
    paths: Sequence[Path], *, with_pairs: bool = False, share: Share = ALL, processes: int = 2
) -> tuple[Counter[str], list[Result]]:
    """Run the share of the cases. Return how many each path had (and how many pairs), and those that violated an invariant."""
    counted: Counter[str] = Counter()
    failed: list[Result] = []
    cases = share.among(singles(paths))
    for number, result in enumerate(run_all(cases, processes), 1):
        counted[result.case.path] += 1
        if result.violated:
            failed.append(result)
        _tell(number, len(cases), "single faults", len(failed))
    if with_pairs:
        beginnings = list(run_all(firsts(paths), processes))
        second = share.among(pairs(beginnings))
        for number, result in enumerate(run_all(second, processes), 1):
            counted["pairs"] += 1
            if result.violated:
                failed.append(result)
            _tell(number, len(second), "pairs", len(failed))
    return counted, failed


_last = 0.0


def _tell(number: int, of: int, what: str, failed: int) -> None:
    global _last
    now = time.monotonic()
    if now - _last > 10 or number == of:
        _last = now
        report.say(f"{number:,} of {of:,} {what}, {failed} violations")


def explain(result: Result) -> str:
    """Return a failing case with its trace."""
    verdict: PathVerdict = run_path(BY_NAME[result.case.path], dict(result.case.faults), trace=True)
    faults = [f"  {mode}: {boundary}" for boundary, mode in result.case.faults]
    return "\n".join(
        [
            f"VIOLATED {label(result.violated or '')} on the path {result.case.path!r}: {result.text}",
            *faults,
            *verdict.trace[-60:],
        ]
    )


def main(names: list[str] | None, with_pairs: bool, share: Share, processes: int) -> int:
    """Run the command. Return 0 if every invariant held in every case."""
    process.make_ready()
    paths = [BY_NAME[name] for name in names] if names else list(PATHS)
    for path in paths:
        verdict = run_path(path, {})
        wanted = " ".join(filter(None, (path.status, path.reason)))
        described = f"{path.name}: {verdict.status}, {verdict.text}"
        assert verdict.violated is None, described
        assert verdict.status == wanted, described
    started = time.monotonic()
    counted, failed = enumerate_paths(paths, with_pairs=with_pairs, share=share, processes=processes)
    for path in paths:
        print(f"{path.name:30} {counted[path.name]:6,} single faults")  # noqa: T201
    print(  # noqa: T201
        f"{sum(counted.values()) - counted['pairs']:,} single faults, {counted['pairs']:,} pairs, {len(failed)} violations, "
        f"{time.monotonic() - started:.0f} s"
    )
    for result in failed[:3]:
        print(explain(result))  # noqa: T201
    return int(bool(failed))
