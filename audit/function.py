"""The audit's function: every 15 minutes, it goes on with the rolling pass over all rows of the stage.

It leaves out orders that change while they are read. It checks the invariants at rest for whatever is overdue: an order without
an end, a parcel, a mail, an event for the bus.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from aws_lambda_powertools.metrics import MetricUnit

from audit.finding import Finding
from audit.metrics import measures
from audit.pass_store import Kept, PassStore
from audit.patience import Limits, overdue
from audit.rolling_pass import PASS_EVERY, UNITS_A_RUN, PassState, advance
from audit.rows import StageRows
from audit.tables import VARIABLES
from kernel import clock
from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from kernel.logs import logger
from kernel.metrics import emit, metrics
from kernel.settings import from_environment

MOST_LOGGED: Final = 100
RUN_SECONDS: Final = 240


class Run(NamedTuple):
    """The number of rows that a run has scanned, and its findings."""

    rows: int
    findings: list[Finding]


def go_on(
    kept: Kept, rows: StageRows, limits: Limits, *, now: Callable[[], datetime] = clock.now, units: float = UNITS_A_RUN
) -> Run:
    """Go on with the kept pass, or begin the next one if it is due. Stop after so many read units."""
    began, found = now(), list[Finding]()
    if kept.state.is_done and began - clock.from_rfc3339(kept.state.began) >= PASS_EVERY:
        kept.found_before, kept.state = kept.state.findings, PassState(clock.rfc3339(began))
    before, ends = kept.state.rows, rows.units + units
    while not kept.state.is_done and rows.units < ends and now() - began < timedelta(seconds=RUN_SECONDS):
        found += advance(kept.state, rows, overdue=overdue(now(), limits))
    return Run(kept.state.rows - before, found)


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the schedule. Whatever the event, it runs one part of a pass, and logs the findings.

    It emits the metric `AuditFindings`, also zero: the findings of this pass, or of the pass before if that found more. So an
    alarm lasts until a whole pass finds nothing.
    """
    store = PassStore(clients.dynamodb, environ["TABLE_NAME"])
    rows = StageRows(clients.dynamodb, {table: environ[name] for table, name in VARIABLES.items()})
    limits = from_environment(Limits, environ)

    def handle(event: object, context: object) -> dict[str, int]:
        kept = store.load() or Kept(PassState(clock.rfc3339(clock.now())))
        run, state = go_on(kept, rows, limits), kept.state
        for finding in run.findings[:MOST_LOGGED]:
            logger.error("invariant broken", invariant=finding.invariant, subject=finding.subject, what=finding.what)
        store.save(kept)
        logger.info("rows audited", rows=state.rows, moving=state.moving, findings=state.findings, done=state.is_done)
        findings = max(state.findings, 0 if state.is_done else kept.found_before)
        metrics.add_metric(name="AuditFindings", unit=MetricUnit.Count, value=findings)
        metrics.flush_metrics()
        if state.is_done and run.rows:
            emit(measures(state, clock.now()))
        return {"rows": run.rows, "findings": len(run.findings)}

    return handle


handler = lambda_handler(bootstrap)
