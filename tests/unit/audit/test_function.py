"""The scheduled auditor: it logs what it finds and counts it, zero too."""

import json
from dataclasses import replace
from typing import Any

import pytest

from audit import function
from audit.snapshot import Snapshot
from audit.tables import TABLES, VARIABLES
from kernel import clock
from kernel.aggregate_store import marshal
from tests.support.audited_stage import last_moved
from tests.support.fake_clients import FakeClients

ENVIRON = {
    "ABORT_AFTER_SECONDS": "600",
    "BACK_ORDERED_FOR_SECONDS": "518400",
    **{variable: f"the-{table}-table" for table, variable in VARIABLES.items()},
}


class Tables:
    """Stands in for DynamoDB: the scans of the tables that the variables name."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.rows = {f"the-{table}-table": snapshot.table(table) for table in TABLES}

    def get_paginator(self, operation: str) -> "Tables":
        assert operation == "scan"
        return self

    def paginate(self, **scan: Any) -> Any:
        rows = [] if "FilterExpression" in scan else self.rows[scan["TableName"]]
        return [{"Items": [marshal(row) for row in rows]}]


def audited(snapshot: Snapshot) -> dict[str, int]:
    handler = function.bootstrap(FakeClients(dynamodb=Tables(snapshot)), ENVIRON)
    found: dict[str, int] = handler({}, None)
    return found


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "audit")


def counted(text: str) -> list[float]:
    """Return the values of the metric AuditFindings in the printed text."""
    printed = [json.loads(line) for line in text.splitlines() if "AuditFindings" in line]
    return [value for document in printed for value in document["AuditFindings"]]


def test_snapshot_without_findings_counts_zero(settled: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    rows = sum(len(settled.table(table)) for table in TABLES)
    with clock.use_source(lambda: last_moved(settled)):
        assert audited(settled) == {"rows": rows, "findings": 0}
    assert counted(capsys.readouterr().out) == [0.0]


def test_damaged_snapshot_counts_its_findings(settled: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    paid = next(row for row in settled.payment if row["status"] == "CAPTURED")
    damaged = replace(settled, payment=[row for row in settled.payment if row is not paid])
    with clock.use_source(lambda: last_moved(settled)):
        answer = audited(damaged)
    assert answer["findings"] >= 1
    assert counted(capsys.readouterr().out) == [float(answer["findings"])]
