"""The auditor: every quarter of an hour, what must hold at every moment, of every order that did not move just then."""

import os
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from audit.books import read_books
from audit.invariants import audit
from audit.tables import TABLES, VARIABLES
from services.kernel import clients

logger = Logger()
metrics = Metrics(namespace="Orderflow")
MOST_LOGGED: Final = 100


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """One audit, whatever the event. Logs what it finds, and counts it as the metric `AuditFindings`, zero too."""
    books = read_books(clients.dynamodb(), {table: os.environ[name] for table, name in VARIABLES.items()})
    findings = audit(books, settled=False)
    for finding in findings[:MOST_LOGGED]:
        logger.error("invariant broken", invariant=finding.invariant, subject=finding.subject, what=finding.what)
    rows = sum(len(books.table(table)) for table in TABLES)
    logger.info("books audited", rows=rows, findings=len(findings))
    metrics.add_metric(name="AuditFindings", unit=MetricUnit.Count, value=len(findings))
    metrics.flush_metrics()
    return {"rows": rows, "findings": len(findings)}
