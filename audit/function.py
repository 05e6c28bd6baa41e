"""The audit's function: every quarter of an hour, it goes on with the rolling pass over all rows of the stage.

It leaves out orders that change while they are read. It checks the invariants at rest for whatever is overdue: an order without
an end, a parcel, a mail, an event for the bus.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from audit.checks.awaited import Awaited, Overdue
from audit.finding import Finding
from audit.pass_store import Kept, PassStore
from audit.rolling_pass import PassState, advance
from audit.rows import StageRows
from audit.tables import VARIABLES
from kernel import clients, clock
from kernel.settings import from_environment

logger = Logger()
metrics = Metrics(namespace="Orderflow")
MOST_LOGGED: Final = 100
PATIENCE: Final = timedelta(hours=1)
"""How long a thing may be late: retries, sweeps and a dependency that was down for a while."""
PUBLISHED_WITHIN: Final = timedelta(minutes=15)
"""How long an event may wait for the bus. A relay publishes within seconds, a sweeper within three minutes."""
UNITS_A_RUN: Final = 10_000
"""The read units after which a run stops: at most $3.60 a month at $0.125 a million, however many orders there are."""
RUN_SECONDS: Final = 240
PASS_EVERY: Final = timedelta(hours=1)
"""The shortest time from the beginning of a pass to that of the next one."""


@dataclass(frozen=True)
class Settings:
    """The seconds after which an undecided order is cancelled, and the seconds that a back-order may wait for stock."""

    abort_after_seconds: int
    back_ordered_for_seconds: int


def overdue(now: datetime, limits: Settings) -> Overdue:
    """Return, for each kind of thing, the moment since which it may be awaited at most."""
    waits = {
        Awaited.END: timedelta(seconds=limits.abort_after_seconds) + PATIENCE,
        Awaited.STOCK: timedelta(seconds=limits.back_ordered_for_seconds) + PATIENCE,
        Awaited.PARCEL: PATIENCE,
        Awaited.NEWS: PATIENCE,
        Awaited.BUS: PUBLISHED_WITHIN,
    }
    return {awaited: clock.rfc3339(now - wait) for awaited, wait in waits.items()}


class Run(NamedTuple):
    """The number of rows that a run has scanned, and its findings."""

    rows: int
    findings: list[Finding]


def go_on(
    kept: Kept, rows: StageRows, limits: Settings, *, now: Callable[[], datetime] = clock.now, units: float = UNITS_A_RUN
) -> Run:
    """Go on with the kept pass, or begin the next one if it is due. Stop after so many read units."""
    began, found = now(), list[Finding]()
    if kept.state.is_done and began - clock.from_rfc3339(kept.state.began) >= PASS_EVERY:
        kept.found_before, kept.state = kept.state.findings, PassState(clock.rfc3339(began))
    before = kept.state.rows
    while not kept.state.is_done and rows.units < units and now() - began < timedelta(seconds=RUN_SECONDS):
        found += advance(kept.state, rows, overdue=overdue(now(), limits))
    return Run(kept.state.rows - before, found)


def handler(event: object, context: object) -> dict[str, int]:
    """Run one part of a pass, whatever the event. Log its findings.

    Emit the metric `AuditFindings`, also zero: the findings of this pass, or of the pass before if it has more. So an alarm
    lasts until a whole pass finds nothing.
    """
    client = clients.dynamodb()
    store = PassStore(client, os.environ["TABLE_NAME"])
    rows = StageRows(client, {table: os.environ[name] for table, name in VARIABLES.items()})
    kept = store.load() or Kept(PassState(clock.rfc3339(clock.now())))
    run = go_on(kept, rows, from_environment(Settings))
    for finding in run.findings[:MOST_LOGGED]:
        logger.error("invariant broken", invariant=finding.invariant, subject=finding.subject, what=finding.what)
    store.save(kept)
    state = kept.state
    logger.info("rows audited", rows=state.rows, moving=state.moving, findings=state.findings, done=state.is_done)
    findings = max(state.findings, 0 if state.is_done else kept.found_before)
    metrics.add_metric(name="AuditFindings", unit=MetricUnit.Count, value=findings)
    metrics.flush_metrics()
    return {"rows": run.rows, "findings": len(run.findings)}
