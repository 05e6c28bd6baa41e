"""The scheduled auditor: it logs what it finds and counts it, zero too."""

import json
from dataclasses import replace
from typing import Any

import pytest

from audit import function
from audit.snapshot import Snapshot
from audit.tables import TABLES, VARIABLES
from kernel import clock
from tests.support.audited_stage import last_moved


@pytest.fixture(autouse=True)
def deployed(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "audit")
    monkeypatch.setenv("ABORT_AFTER_SECONDS", "600")
    monkeypatch.setenv("BACK_ORDERED_FOR_SECONDS", "518400")
    for table, variable in VARIABLES.items():
        monkeypatch.setenv(variable, f"the-{table}-table")


def audited(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    def read(client: Any, names: dict[str, str]) -> Snapshot:
        assert names == {table: f"the-{table}-table" for table in TABLES}
        return snapshot

    monkeypatch.setattr(function, "read_snapshot", read)
    return function.handler({}, None)


def counted(text: str) -> list[float]:
    """Return the values of the metric AuditFindings in the printed text."""
    printed = [json.loads(line) for line in text.splitlines() if "AuditFindings" in line]
    return [value for document in printed for value in document["AuditFindings"]]


def test_snapshot_without_findings_counts_zero(
    settled: Snapshot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = sum(len(settled.table(table)) for table in TABLES)
    with clock.use_source(lambda: last_moved(settled)):
        assert audited(settled, monkeypatch) == {"rows": rows, "findings": 0}
    assert counted(capsys.readouterr().out) == [0.0]


def test_damaged_snapshot_counts_its_findings(
    settled: Snapshot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paid = next(row for row in settled.payment if row["status"] == "CAPTURED")
    damaged = replace(settled, payment=[row for row in settled.payment if row is not paid])
    with clock.use_source(lambda: last_moved(settled)):
        answer = audited(damaged, monkeypatch)
    assert answer["findings"] >= 1
    assert counted(capsys.readouterr().out) == [float(answer["findings"])]
