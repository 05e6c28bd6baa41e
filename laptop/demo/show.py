"""The demo: all scenarios on an emulator of its own, then the audit."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from audit.finding import Finding
from audit.summary import Figures
from laptop import bring_up
from laptop.demo.scenes import SCENES, SceneFailedError, Shown, Stage, delivered, play, warm_up
from laptop.emulator import mailbox, process
from operations.aws import service_client, stage_state
from operations.aws.target import Target
from operations.errors import CheckFailedError
from operations.orders import cdnow, order_import
from operations.plural import counted
from operations.progress import SILENT, Progress
from operations.replay import archive_replay
from operations.repository import REPOSITORY
from operations.stage_audit import audit_stage
from operations.window import Window

SAMPLE = REPOSITORY / "data" / "cdnow" / "CDNOW_sample.txt"
IMPORTED_ROWS = 200
PATIENCE_SECONDS = 120.0
STAGE = "demo"
"""Its settings let the next look at a parcel deliver it. Once all are, no sweep changes a row: only the replay could."""


@dataclass(frozen=True)
class Played:
    """A demonstration that was played: its scenes, the figures as `audit.summary` has them, the mails sent, the findings.

    `endpoint` is the address of the emulator that it was played on.
    """

    scenes: list[Shown]
    figures: Figures
    mails: int
    findings: list[Finding]
    seconds: float
    endpoint: str

    def check(self) -> None:
        """Raise CheckFailedError if the audit found anything, or if the mails sent are not those that the figures count."""
        if self.findings:
            hint = "They are listed above. If this machine was too busy, run the demo again."
            raise CheckFailedError(f"The audit found {counted(len(self.findings), 'broken invariant')}.", hint)
        check_mails(self.mails, self.figures["mails"])


def run(target: Target, progress: Progress) -> Played:
    """Play the demo on the emulator of this home, which is started if need be. Raises SceneFailedError."""
    target, running = bring_up.up(replace(target, stage=STAGE), progress)
    began = time.monotonic()
    stage = Stage(target, progress=progress)
    with progress.step("Warm up the functions"):
        warm_up(stage)
    for scene in SCENES:
        with progress.step((scene.__doc__ or scene.__name__).rstrip(".")):
            play(stage, scene)
    with progress.step("Import purchases, published as a marketplace feed would"):
        play(stage, imported)
    with progress.step("Ship and deliver the confirmed orders, and wait until all is idle"):
        fulfil(target)
    play(stage, delivered)
    with progress.step("Replay the archive to shipping and notification"):
        play(stage, replayed)
    audited = audit_stage(target, settled=True)
    mails = len(mailbox.sent_mails(target.reachable()))
    return Played(stage.shown, audited.figures, mails, audited.findings, time.monotonic() - began, running.endpoint)


@contextmanager
def home_of_demo() -> Iterator[None]:
    """Use the home of `orderctl up` during the block, or one beside it if another stage than the demo's runs there."""
    running = process.running()
    if running is None or running.stage == STAGE:
        yield
        return
    with process.home_at(process.home() / STAGE):
        yield


@contextmanager
def stopped_afterwards(
    progress: Progress = SILENT, *, stops: bool, stop: Callable[[], object] = bring_up.down
) -> Iterator[None]:
    """Stop the emulator after the block if `stops`. Otherwise it stays, also if a scenario failed: the state shows why."""
    try:
        yield
    except BaseException:
        if not stops and process.running():
            progress.note("Orderflow still runs, so that you can look: `orderctl status`. `orderctl down` stops it.")
        raise
    finally:
        if stops:
            stop()


def curl_line(target: Target, order_id: str) -> str:
    """Return a line for the shell that reads an order through the API, signed as IAM wants it. curl can sign since 7.75."""
    known = target.exports()
    signed = f"aws:amz:{known['AWS_REGION']}:execute-api"
    user = f"{known['AWS_ACCESS_KEY_ID']}:{known['AWS_SECRET_ACCESS_KEY']}"
    address = target.parameter("order/api-url").rstrip("/")
    return f"curl --noproxy '*' --aws-sigv4 {signed} --user {user} {address}/orders/{order_id}"


def imported(stage: Stage) -> Shown:
    """Import real purchases, as a marketplace feed does."""
    purchases, malformed = cdnow.read(SAMPLE, IMPORTED_ROWS)
    summary = order_import.run(stage.target, purchases, "cdnow", rate=50, wait=True, deadline_seconds=PATIENCE_SECONDS)
    if summary["unsettled"] or malformed:
        raise SceneFailedError(
            f"Of the import, {counted(summary['unsettled'], 'order')} not finished, {counted(len(malformed), 'row')} malformed."
        )
    outcomes = {name.replace("_", " "): n for name, n in summary.items() if name.startswith(("confirmed", "cancelled"))}
    outcomes.pop("confirmed cents", None)
    said = ", ".join(f"{count} {name}" for name, count in outcomes.items())
    return Shown(f"orders import, {counted(len(purchases), 'CDNOW row')}", said)


def replayed(stage: Stage) -> Shown:
    """Replay the archive to two services, and show that no row, mail or gateway call changes."""
    target, now = stage.target, datetime.now(UTC)
    before, mails = stage_state.fingerprint(target), len(mailbox.sent_mails(target.reachable()))
    rule_arns = archive_replay.chosen_rules(archive_replay.rules(target), ("shipping", "notification"))
    name = archive_replay.start(target, Window(now - timedelta(hours=1), now), rule_arns, now)
    archive_replay.follow(target, name, PATIENCE_SECONDS, lambda _: None)
    _settle(target)
    if stage_state.fingerprint(target) != before:
        raise SceneFailedError("the replay changed rows")
    if len(mailbox.sent_mails(target.reachable())) != mails:
        raise SceneFailedError("the replay sent mails")
    return Shown("replay start --last 1h, to shipping and notification", "no row, mail or gateway call changed")


def fulfil(target: Target) -> None:
    """Run the shipping sweeper at once, twice: the sandbox carrier takes every parcel, then delivers it."""
    _settle(target)
    for _ in ("taken", "delivered"):
        service_client.invoke(target, "shipping/sweeper-arn", {})
        _settle(target)


def check_mails(sent: int, booked: Mapping[str, int]) -> None:
    """Raise CheckFailedError unless each SENT note has exactly one mail, and each note of unknown sending at most one."""
    certain = sum(count for what, count in booked.items() if what.endswith(" SENT"))
    if not certain <= sent <= sum(booked.values()):
        raise CheckFailedError(
            f"The mailbox has {counted(sent, 'mail')}, and the tables record {certain}.",
            "Each mail must be sent once.",
        )


def _settle(target: Target) -> None:
    left = stage_state.wait_until_idle(target, PATIENCE_SECONDS)
    if left:
        raise SceneFailedError(f"after {PATIENCE_SECONDS:g} s these are still in flight: {', '.join(left[:5])}")
