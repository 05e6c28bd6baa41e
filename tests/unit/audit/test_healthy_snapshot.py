"""Books that the services wrote have no findings: at rest, and at every moment on the way there."""

from dataclasses import replace

from audit.auditor import audit
from audit.snapshot import Books
from audit.summary import figures
from tests.support.audited_stage import STORIES


def test_books_at_rest_have_no_findings(settled: Books) -> None:
    assert audit(settled, settled=True) == []


def test_books_in_flight_have_no_findings_at_any_moment(history: list[Books]) -> None:
    for moment in history:
        assert audit(replace(moment, began="9999"), settled=False) == []


def test_books_in_flight_are_not_at_rest(history: list[Books]) -> None:
    for moment in history[: len(history) // 2]:
        assert "V1" in {finding.invariant for finding in audit(moment, settled=True)}


def test_figures_add_up(settled: Books) -> None:
    found = figures(settled)
    assert found["orders"] == {"BACKORDERED": 1, "CANCELLED": 29, "CONFIRMED": 15}
    assert sum(found["orders"].values()) == len(STORIES)
    assert found["kept"] == found["confirmed"]
    assert found["refunded"]
    assert found["pending_events"] == 0
