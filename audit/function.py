"""The audit's function: every 15 minutes, it checks every order that did not change during the reading of the tables.

It checks the invariants at rest for whatever is overdue: an order without an end, a parcel, a mail, an event for the bus.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from audit.auditor import audit
from audit.checks.awaited import Awaited, Overdue
from audit.snapshot import read_snapshot
from audit.tables import TABLES, VARIABLES
from kernel import clock
from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from kernel.settings import from_environment

logger = Logger()
metrics = Metrics(namespace="Orderflow")
MOST_LOGGED: Final = 100
PATIENCE: Final = timedelta(hours=1)
"""How long a thing may be late: retries, sweeps and a dependency that was down for a while."""
PUBLISHED_WITHIN: Final = timedelta(minutes=15)
"""How long an event may wait for the bus. A relay publishes within seconds, a sweeper within three minutes."""


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


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of one audit, whatever the event.

    It logs the findings, and emits their number as the metric `AuditFindings`, also zero.
    """
    limits = from_environment(Settings, environ)
    dynamodb, tables = clients.dynamodb, {table: environ[name] for table, name in VARIABLES.items()}

    def handle(event: object, context: object) -> dict[str, int]:
        snapshot = read_snapshot(dynamodb, tables)
        findings = audit(snapshot, settled=False, overdue=overdue(clock.now(), limits))
        for finding in findings[:MOST_LOGGED]:
            logger.error("invariant broken", invariant=finding.invariant, subject=finding.subject, what=finding.what)
        rows = sum(len(snapshot.table(table)) for table in TABLES)
        logger.info("tables audited", rows=rows, findings=len(findings))
        metrics.add_metric(name="AuditFindings", unit=MetricUnit.Count, value=len(findings))
        metrics.flush_metrics()
        return {"rows": rows, "findings": len(findings)}

    return handle


handler = lambda_handler(bootstrap)
