"""The scheduled auditor: it goes on with its pass, logs what it finds and counts it, zero too."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from audit import function
from audit.function import PASS_EVERY, Settings, go_on
from audit.pass_store import Kept, PassStore
from audit.rolling_pass import MARGIN, PassState
from audit.snapshot import Snapshot
from audit.tables import LEDGER, TABLES, VARIABLES
from kernel import clock
from kernel.aggregate_store import marshal
from tests.support.audited_stage import last_moved
from tests.support.stored_snapshot import rows_of, stored
from tests.support.tables import create_ledger, create_table

LIMITS = Settings(abort_after_seconds=600, back_ordered_for_seconds=6 * 24 * 3600)
OWN = "the-audit-table"


@pytest.fixture
def deployed(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the client of empty tables, to which the function's variables point."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "audit")
    monkeypatch.setenv("ABORT_AFTER_SECONDS", "600")
    monkeypatch.setenv("BACK_ORDERED_FOR_SECONDS", "518400")
    monkeypatch.setenv("TABLE_NAME", OWN)
    create_table(dynamodb, OWN)
    for table, variable in VARIABLES.items():
        monkeypatch.setenv(variable, f"the-{table}-table")
        (create_ledger if table == LEDGER else create_table)(dynamodb, f"the-{table}-table")
    return dynamodb


def fill(client: Any, snapshot: Snapshot) -> None:
    for table in TABLES:
        for row in snapshot.table(table):
            client.put_item(TableName=f"the-{table}-table", Item=marshal(row))


def counted(text: str) -> list[float]:
    """Return the values of the metric AuditFindings in the printed text."""
    printed = [json.loads(line) for line in text.splitlines() if "AuditFindings" in line]
    return [value for document in printed for value in document["AuditFindings"]]


def test_a_healthy_stage_counts_zero(deployed: Any, settled: Snapshot, capsys: pytest.CaptureFixture[str]) -> None:
    fill(deployed, settled)
    with clock.use_source(lambda: last_moved(settled) + 2 * MARGIN):
        answer = function.handler({}, None)
    assert answer["rows"] >= sum(len(settled.table(table)) for table in TABLES)
    assert answer["findings"] == 0
    assert counted(capsys.readouterr().out) == [0.0]


def test_findings_are_counted_until_a_pass_finds_none(
    deployed: Any, settled: Snapshot, capsys: pytest.CaptureFixture[str]
) -> None:
    paid = next(row for row in settled.payment if row["status"] == "CAPTURED")
    fill(deployed, replace(settled, payment=[row for row in settled.payment if row is not paid]))
    now = last_moved(settled) + 2 * MARGIN
    with clock.use_source(lambda: now):
        found = function.handler({}, None)["findings"]
        again = function.handler({}, None)
    assert found >= 1
    assert again == {"rows": 0, "findings": 0}, "the next pass is not due yet"
    deployed.put_item(TableName="the-payment-table", Item=marshal(paid))
    with clock.use_source(lambda: now + PASS_EVERY):
        assert function.handler({}, None)["findings"] == 0
    assert counted(capsys.readouterr().out) == [float(found), float(found), 0.0]


def test_a_run_stops_after_its_read_units_and_the_next_goes_on(settled: Snapshot) -> None:
    now = last_moved(settled) + 2 * MARGIN
    client = stored(settled)
    with clock.use_source(lambda: now):
        kept, runs = Kept(PassState(clock.rfc3339(now))), 0
        while not kept.state.is_done:
            rows = rows_of(client)
            assert go_on(kept, rows, LIMITS, units=50).findings == []
            assert rows.units < 50 + 100 * 7, "a run ends with the page that exceeds its units"
            runs += 1
    assert runs >= 3


def test_a_run_stops_in_time(settled: Snapshot) -> None:
    moments = iter(last_moved(settled) + timedelta(minutes=number) for number in range(100))
    kept = Kept(PassState(clock.rfc3339(last_moved(settled))))
    go_on(kept, rows_of(stored(settled)), LIMITS, now=lambda: next(moments))
    assert not kept.state.is_done


def test_the_state_is_kept_between_runs(deployed: Any, settled: Snapshot) -> None:
    store = PassStore(deployed, OWN)
    assert store.load() is None
    kept = Kept(PassState("2026-11-29T00:00:00.000Z"), found_before=3)
    go_on(kept, rows_of(stored(settled)), LIMITS)
    kept.state.net.taken["USD"] += 5
    store.save(kept)
    assert store.load() == kept


def test_an_older_run_cannot_write_over_a_newer_one(deployed: Any) -> None:
    store = PassStore(deployed, OWN)
    store.save(Kept(PassState("2026-11-29T00:00:00.000Z"), version=7))
    with pytest.raises(deployed.exceptions.ConditionalCheckFailedException):
        store.save(Kept(PassState("2026-11-29T01:00:00.000Z"), version=6))
