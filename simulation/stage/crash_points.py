"""The protocol's 27 crash points: the boundaries of a path that each strikes, in which modes, and further evidence.

A strike is at every boundary of the path whose name matches, once for each mode, in a world of its own.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from audit.catalogue import label
from simulation.engine.faults import Mode
from simulation.stage import process
from simulation.stage.paths import BY_NAME, Path, PathVerdict, run_path
from simulation.stage.runs import Verdict, WorldRun, run_world
from simulation.stage.share import ALL, Share

BEFORE, AFTER, LOST, ANSWER_LOST = Mode.CRASH_BEFORE, Mode.CRASH_AFTER, Mode.LOST, Mode.ANSWER_LOST
DOUBLED, LATE, THROTTLED, DROPPED, DELAYED = Mode.DOUBLED, Mode.LATE, Mode.THROTTLED, Mode.DROPPED, Mode.DELAYED
EVERY: Final = (BEFORE, AFTER, LOST, ANSWER_LOST, DOUBLED, LATE)


@dataclass(frozen=True)
class Strike:
    """At every boundary of `path` that `at` finds (a regular expression), in each of `modes`."""

    path: str
    at: str
    modes: Sequence[Mode]


@dataclass(frozen=True)
class CrashPoint:
    """`number` and `what` are the protocol's. `also` names tests outside the simulation, `worlds` asks for random ones."""

    number: int
    what: str
    strikes: tuple[Strike, ...] = ()
    also: tuple[str, ...] = ()
    worlds: int = 0


@dataclass(frozen=True)
class Shown:
    """The number of cases of a crash point, and the violations: `path, mode, boundary: text` each."""

    point: CrashPoint
    cases: int
    violations: tuple[str, ...]


CREATES = r"order-api > UpdateItem ORDER#\S+$"
STARTS = r"order-api > StartSyncExecution \S+$"
GATEWAY_AUTHORIZES, GATEWAY_CAPTURES = r"AuthorizePayment > payment-commands > gateway authorize", r"gateway capture"
ORDER_PUTS = r"order-relay > PutEvents"

CRASH_POINTS: Final = (
    CrashPoint(1, "before the order is created", (Strike("confirmed", CREATES, (BEFORE, LOST, LATE)),)),
    CrashPoint(2, "the creation's answer lost", (Strike("confirmed", CREATES, (AFTER, ANSWER_LOST, DOUBLED)),)),
    CrashPoint(
        3,
        "start lost, refused or throttled",
        (
            Strike("confirmed", STARTS, (BEFORE, LOST, THROTTLED, Mode.SERVER_ERROR, LATE)),
            Strike("async", r"→ order-start$", (DROPPED, DELAYED)),
        ),
    ),
    CrashPoint(
        4,
        "start sent two or three times",
        (
            Strike("confirmed", STARTS, (DOUBLED, ANSWER_LOST)),
            Strike("async", r"→ order-start$", (DOUBLED,)),
            Strike("two runs at once", r"> (ReserveStock|DecideToConfirm)$", (BEFORE, DOUBLED, LATE)),
        ),
        also=("tests/system/test_saga.py::test_five_concurrent_runs_agree",),
    ),
    CrashPoint(
        5,
        "payment intent written, gateway not called",
        (Strike("confirmed", GATEWAY_AUTHORIZES, (BEFORE, LOST)),),
        also=("tests/unit/payment/test_commands.py::test_the_intent_is_on_the_row_before_the_gateway_is_called",),
    ),
    CrashPoint(6, "gateway authorised, result lost", (Strike("confirmed", GATEWAY_AUTHORIZES, (AFTER, ANSWER_LOST, DOUBLED)),)),
    CrashPoint(
        7,
        "late authorise after the void",
        (
            Strike("confirmed", GATEWAY_AUTHORIZES, (LATE,)),
            Strike("out of stock", r"> AuthorizePayment$", (LATE, DOUBLED)),
            Strike("confirmed", r"> AuthorizePayment$", (LATE,)),
        ),
        also=("tests/unit/payment/test_sandbox_gateway.py::test_a_void_refuses_the_authorise_that_comes_after_it",),
    ),
    CrashPoint(8, "authorised, saga dies", (Strike("confirmed", r"> ReserveStock$", (BEFORE, LOST)),)),
    CrashPoint(9, "stock held, saga dies", (Strike("confirmed", r"> DecideToConfirm$", (BEFORE, LOST)),)),
    CrashPoint(
        10,
        "late reserve after the release",
        (
            Strike("confirmed", r"> ReserveStock$", (LATE,)),
            Strike("confirmed", r"> ReserveStock > inventory-commands > TransactWriteItems", (LATE, DOUBLED)),
        ),
        also=("tests/unit/inventory/test_commands.py::test_a_release_before_its_reserve_leaves_a_tombstone",),
    ),
    CrashPoint(11, "decided, dies", (Strike("confirmed", r"> DecideToConfirm$", (AFTER,)),)),
    CrashPoint(
        12,
        "the decision's answer lost",
        (
            Strike("confirmed", r"> DecideToConfirm$", (ANSWER_LOST, DOUBLED, LATE)),
            Strike("confirmed", r"> DecideToConfirm > order-commands > UpdateItem", (AFTER, ANSWER_LOST, DOUBLED, LATE)),
        ),
    ),
    CrashPoint(13, "captured, result lost", (Strike("confirmed", GATEWAY_CAPTURES, (AFTER, ANSWER_LOST, DOUBLED, LATE)),)),
    CrashPoint(
        14,
        "capture refused",
        (
            Strike("capture refused", GATEWAY_CAPTURES, EVERY),
            Strike("capture refused", r"> RefuseCapture", EVERY),
            Strike("resumed and refused", r"> RefuseCapture", EVERY),
        ),
        also=("tests/system/test_orders.py::test_refused_capture_releases_money_and_stock",),
    ),
    CrashPoint(15, "captured, dies before the commit", (Strike("confirmed", r"> CommitStock$", (BEFORE, LOST, LATE)),)),
    CrashPoint(16, "committed, dies before it is confirmed", (Strike("confirmed", r"> Confirm$", (BEFORE, LOST, LATE)),)),
    CrashPoint(
        17,
        "confirm's answer lost, caller dies",
        (
            Strike("confirmed", r"> Confirm > order-commands > UpdateItem", (AFTER, ANSWER_LOST, DOUBLED)),
            Strike("confirmed", r"> Confirm$", (AFTER, ANSWER_LOST)),
            Strike("confirmed", r"^customer > POST /orders$", (AFTER, ANSWER_LOST, DOUBLED)),
            Strike("confirmed", STARTS, (AFTER,)),
        ),
    ),
    CrashPoint(
        18, "relay dies before or after the put", (Strike("delivered", r"-relay > (PutEvents|UpdateItem)", (BEFORE, AFTER)),)
    ),
    CrashPoint(
        19,
        "partial failure of a put",
        (Strike("confirmed", ORDER_PUTS, (Mode.PARTIAL, Mode.PARTIAL_ONCE)),),
        also=("tests/unit/kernel/test_relay.py::test_only_the_refused_events_are_put_again",),
    ),
    CrashPoint(
        20,
        "relay down longer than the stream keeps",
        (Strike("republished", r"minute \d+ (order|payment|inventory)-sweeper > .* > (PutEvents|UpdateItem)", EVERY),),
        also=("tests/unit/kernel/test_relay.py::test_stale_outbox_is_republished",),
    ),
    CrashPoint(
        21,
        "consumer poison, bug, throttle",
        (Strike("delivered", r"^queue \S+ \[\S+ \d+\]$", (THROTTLED, ANSWER_LOST, DELAYED)),),
        also=(
            "tests/unit/kernel/test_inbox.py::test_invalid_event_is_quarantined_with_its_field_and_reason",
            "tests/unit/kernel/test_inbox.py::test_only_the_message_of_a_failed_handler_is_redelivered",
        ),
    ),
    CrashPoint(
        22, "consumer dies amid its batch", (Strike("delivered", r"-subscriber > (UpdateItem|Invoke \S+$)", (BEFORE, AFTER)),)
    ),
    CrashPoint(
        23,
        "two sweepers, or a sweeper against a slow live saga",
        (
            Strike("resumed", r"^minute \d+ order-sweeper$", (DOUBLED, DELAYED)),
            Strike("confirmed", r"saga > (AuthorizePayment|ReserveStock|DecideToConfirm|Confirm)$", (Mode.STALLED,)),
        ),
        also=("tests/unit/order/test_sweeper.py::test_lease_excludes_a_second_sweeper",),
    ),
    CrashPoint(
        24,
        "sweeper dies amid a recovery",
        (Strike("resumed", r"order-sweeper > order-sweeper > (GetItem|UpdateItem|StartExecution)", (BEFORE, AFTER)),),
    ),
    CrashPoint(
        25,
        "last try dies after it decided to cancel",
        (
            Strike("aborted", r"> RecordUnavailable$", (AFTER, ANSWER_LOST, LATE)),
            Strike("aborted", r"> (VoidPayment|ReleaseStock)$", (BEFORE, LOST, LATE)),
        ),
    ),
    CrashPoint(
        26,
        "mail claimed, sending unknown",
        (Strike("delivered", r"> SendEmail", (BEFORE, AFTER, ANSWER_LOST, LATE)),),
        also=("tests/unit/notification/test_subscriber.py::test_mail_with_an_unknown_result_is_never_resent",),
    ),
    CrashPoint(
        27,
        "the wrong window replayed twice, to all rules",
        also=("tests/system/test_replay.py::test_a_replay_changes_nothing_that_already_happened",),
        worlds=3,
    ),
)


def show(point: CrashPoint, share: Share = ALL) -> Shown:
    """Run the share of a crash point's cases. Call `process.make_ready` before."""
    cases, violations = 0, []
    for case, violation in (*_struck(point, share), *_replayed(point, share)):
        cases += 1
        if violation:
            violations.append(f"{case}: {violation}")
    return Shown(point, cases, tuple(violations))


def _struck(point: CrashPoint, share: Share) -> Iterator[tuple[str, str]]:
    cases: list[tuple[Path, str, Mode]] = []
    for strike in point.strikes:
        path = BY_NAME[strike.path]
        met = [name for name, _ in run_path(path, {}, boundaries=True).boundaries if re.search(strike.at, name)]
        assert met, f"crash point {point.number}: no boundary of {path.name!r} matches {strike.at}"
        cases += [(path, boundary, mode) for boundary, mode in product(met, strike.modes)]
    for path, boundary, mode in share.among(cases) or cases[:1]:
        verdict = run_path(path, {boundary: mode})
        assert boundary in verdict.struck, f"crash point {point.number}: {boundary} was not struck"
        yield f"{path.name}, {mode}, {boundary}", _reported(verdict)


def _replayed(point: CrashPoint, share: Share) -> Iterator[tuple[str, str]]:
    """Random worlds under faults whose whole archive is replayed a second time, to every rule."""
    worlds = range(point.worlds)
    left, number = len(share.among(worlds) or worlds[:1]), share.part - 1
    while left:
        verdict = run_world(WorldRun("crash point", number, orders=10))
        if verdict.replays == 2 or verdict.violated:
            left -= 1
            yield f"world {number}", _reported(verdict)
        number += share.of


def _reported(verdict: PathVerdict | Verdict) -> str:
    """Return the violation of a case, or an empty text."""
    return f"{label(verdict.violated)}: {verdict.text}" if verdict.violated else ""


def markdown() -> str:
    """Render the crash points as docs/explanation/reliability.md has them."""
    lines = ["| # | crash point | struck at (path: boundary: modes) | and |", "| -- | -- | -- | -- |"]
    for point in CRASH_POINTS:
        struck = [f"{strike.path}: `{strike.at}`: {', '.join(strike.modes)}".replace("|", "\\|") for strike in point.strikes]
        if point.worlds:
            struck.append(f"{point.worlds} random worlds under faults, each replayed whole a second time")
        also = ", ".join(f"`{test.partition('::')[2]}`" for test in point.also)
        lines.append(f"| {point.number} | {point.what} | {'<br>'.join(struck)} | {also} |")
    return "\n".join(lines) + "\n"


def main(numbers: Sequence[int], share: Share, as_markdown: bool) -> int:
    """Run the command. Return 0 if every invariant held in the share of every chosen crash point's cases."""
    if as_markdown:
        print(markdown(), end="")  # noqa: T201
        return 0
    process.make_ready()
    failed = 0
    for point in CRASH_POINTS:
        if numbers and point.number not in numbers:
            continue
        shown = show(point, share)
        failed += len(shown.violations)
        print(f"{point.number:2}  {point.what:52} {shown.cases:3} cases, {len(shown.violations)} violations", flush=True)  # noqa: T201
        for violation in shown.violations:
            print(f"    VIOLATED {violation}")  # noqa: T201
    return int(failed > 0)
