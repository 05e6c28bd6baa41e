"""`orderctl audit`: what it prints, and its exit codes."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner, Result

from audit.catalogue import AT_REST
from audit.snapshot import Snapshot
from operations.aws.target import Target
from operations.errors import EXIT_CHECK_FAILED, CheckFailedError
from operations.polling import Clock
from orderctl.commands import audit as command

Run = Callable[..., Result]
STANDING = Clock(now=lambda: 0.0, sleep=lambda seconds: None)


@pytest.fixture
def next_snapshots(settled: Snapshot, monkeypatch: pytest.MonkeyPatch) -> list[Snapshot]:
    """Return the snapshots of the next readings. The last one stays."""
    waiting = [settled]
    monkeypatch.setattr(command, "read", lambda target: waiting.pop(0) if len(waiting) > 1 else waiting[0])
    return waiting


@pytest.fixture
def orderctl(next_snapshots: list[Snapshot]) -> Run:
    app = typer.Typer()
    command.register(app)
    return lambda *arguments: CliRunner().invoke(app, list(arguments), obj=Target(clock=STANDING))


def test_audit_without_findings_prints_figures(orderctl: Run) -> None:
    answer = orderctl("-o", "json")
    printed = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert printed["orders"] == {"BACKORDERED": 1, "CANCELLED": 29, "CONFIRMED": 15}
    assert printed["kept"] == printed["confirmed"] == {"EUR": 5500, "USD": 44642}
    assert printed["refunded"] == {"EUR": 1100, "USD": 19096}
    assert (printed["findings"], printed["settled"], printed["dead_letters"]) == ([], True, {})


def test_audit_with_findings_prints_them_and_fails(orderctl: Run, next_snapshots: list[Snapshot], settled: Snapshot) -> None:
    next_snapshots[:] = [replace(settled, dead_letters={"order/intake-dlq-url": 1})]
    answer = orderctl("-o", "json")
    assert json.loads(answer.stdout)["findings"] == [
        {"invariant": "E5", "subject": "order/intake-dlq-url", "what": "holds 1 dead letters"}
    ]
    assert isinstance(answer.exception, CheckFailedError)
    assert answer.exception.exit_code == EXIT_CHECK_FAILED


def test_audit_waits_for_work_in_flight(orderctl: Run, next_snapshots: list[Snapshot], history: list[Snapshot]) -> None:
    next_snapshots[:] = [history[len(history) // 2], history[-1]]
    assert orderctl().exit_code == 0


def test_audit_reports_work_that_does_not_end_in_time(
    orderctl: Run, next_snapshots: list[Snapshot], history: list[Snapshot]
) -> None:
    next_snapshots[:] = [history[len(history) // 2], history[-1]]
    answer = orderctl("--wait", "0", "-o", "json")
    assert {finding["invariant"] for finding in json.loads(answer.stdout)["findings"]} <= AT_REST
    assert isinstance(answer.exception, CheckFailedError)


def test_table_names_every_checked_invariant(orderctl: Run) -> None:
    assert "V1" in orderctl().stdout
    assert "V1" not in orderctl("--in-flight").stdout
