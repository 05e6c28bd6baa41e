"""The audit of a stage by its operator: one whole pass, and the figures of the rows that it reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from audit.checks.outbox import check_dead_letters
from audit.finding import Finding
from audit.rolling_pass import PassState, advance
from audit.rows import StageRows
from audit.snapshot import Snapshot
from audit.summary import Figures, Summary
from audit.tables import PARAMETERS
from kernel import clock
from operations.aws import stage_state
from operations.aws.target import Target


@dataclass(frozen=True)
class StageAudit:
    """The findings, the figures, and the number of messages in each dead-letter queue."""

    findings: list[Finding]
    figures: Figures
    dead_letters: Mapping[str, int | None]


def audit_stage(target: Target, *, settled: bool, progress: Callable[[int], None] = lambda rows: None) -> StageAudit:
    """Check every invariant on all rows, read page by page. `settled` states that no work is left, as in `auditor.audit`.

    `progress` receives the number of rows that were read, after each page.
    """
    rows = StageRows(target.client("dynamodb"), {table: target.parameter(parameter) for table, parameter in PARAMETERS.items()})
    dead_letters = dict(stage_state.depths(target, "-dlq-url"))
    summary, state = Summary(), PassState(clock.rfc3339(clock.now()))
    found = set(check_dead_letters(Snapshot(dead_letters={**dead_letters}))) if settled else set()
    while not state.is_done:
        found.update(advance(state, rows, settled=settled, seen=summary.add))
        progress(state.rows)
    return StageAudit(sorted(found), summary.figures(dead_letters), dead_letters)
