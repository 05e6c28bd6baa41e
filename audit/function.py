"""The auditor: every quarter of an hour, what must hold at every moment, of every order that did not move just then.

What must hold at rest it asks of what has waited too long: an order without an end, a parcel, a mail, an event on the bus.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from audit.auditor import audit
from audit.checks.awaited import Awaited, Overdue
from audit.snapshot import read_books
from audit.tables import TABLES, VARIABLES
from kernel import clients, clock
from kernel.settings import from_environment

logger = Logger()
metrics = Metrics(namespace="Orderflow")
MOST_LOGGED: Final = 100
PATIENCE: Final = timedelta(hours=1)
"""How long after it is due something may still come: retries, sweeps and a dependency that was down for a while."""
PUBLISHED_WITHIN: Final = timedelta(minutes=15)
"""A relay publishes within seconds, and a sweeper what it left behind within three minutes."""


@dataclass(frozen=True)
class Settings:
    """After how many seconds an order is given up that is not decided, and one that waits for stock."""

    abort_after_seconds: int
    back_ordered_for_seconds: int


def overdue(now: datetime, limits: Settings) -> Overdue:
    """Return since when each thing may be waited for at most."""
    waits = {
        Awaited.END: timedelta(seconds=limits.abort_after_seconds) + PATIENCE,
        Awaited.STOCK: timedelta(seconds=limits.back_ordered_for_seconds) + PATIENCE,
        Awaited.PARCEL: PATIENCE,
        Awaited.NEWS: PATIENCE,
        Awaited.BUS: PUBLISHED_WITHIN,
    }
    return {awaited: clock.rfc3339(now - wait) for awaited, wait in waits.items()}


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """One audit, whatever the event. Logs what it finds, and counts it as the metric `AuditFindings`, zero too."""
    books = read_books(clients.dynamodb(), {table: os.environ[name] for table, name in VARIABLES.items()})
    findings = audit(books, settled=False, overdue=overdue(clock.now(), from_environment(Settings)))
    for finding in findings[:MOST_LOGGED]:
        logger.error("invariant broken", invariant=finding.invariant, subject=finding.subject, what=finding.what)
    rows = sum(len(books.table(table)) for table in TABLES)
    logger.info("books audited", rows=rows, findings=len(findings))
    metrics.add_metric(name="AuditFindings", unit=MetricUnit.Count, value=len(findings))
    metrics.flush_metrics()
    return {"rows": rows, "findings": len(findings)}
