"""Snapshots of rows that the services wrote have no findings: at rest, and at every moment on the way there."""

from dataclasses import replace

from audit.auditor import audit
from audit.snapshot import Snapshot
from audit.summary import figures
from tests.support.audited_stage import STORIES


def test_snapshot_at_rest_has_no_findings(settled: Snapshot) -> None:
    assert audit(settled, settled=True) == []


def test_snapshot_in_flight_has_no_findings_at_any_moment(history: list[Snapshot]) -> None:
    for moment in history:
        assert audit(replace(moment, began="9999"), settled=False) == []


def test_snapshot_in_flight_fails_the_checks_at_rest(history: list[Snapshot]) -> None:
    for moment in history[: len(history) // 2]:
        assert "V1" in {finding.invariant for finding in audit(moment, settled=True)}


def test_figures_of_a_snapshot_add_up(settled: Snapshot) -> None:
    found = figures(settled)
    assert found["orders"] == {"BACKORDERED": 1, "CANCELLED": 29, "CONFIRMED": 15}
    assert sum(found["orders"].values()) == len(STORIES)
    assert found["kept"] == found["confirmed"]
    assert found["refunded"]
    assert found["pending_events"] == 0
