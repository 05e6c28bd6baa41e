"""`orderctl audit`: what it prints, and its exit codes."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from audit.catalogue import AT_REST
from audit.snapshot import Snapshot
from audit.tables import PARAMETERS
from operations.aws.target import Target
from operations.errors import EXIT_CHECK_FAILED, CheckFailedError
from operations.polling import Clock
from orderctl.commands import audit as command
from tests.support.stored_snapshot import stored

Run = Callable[..., Result]
STANDING = Clock(now=lambda: 0.0, sleep=lambda seconds: None)


@dataclass(frozen=True)
class Stage(Target):
    """A target whose tables are those of the next snapshot at each reading. The last one stays."""

    waiting: list[Snapshot] = field(default_factory=list, compare=False)

    def client(self, service: str, **config: object) -> Any:
        snapshot = self.waiting[0]
        match service:
            case "dynamodb":
                return stored(self.waiting.pop(0) if len(self.waiting) > 1 else snapshot)
            case "ssm":
                parameters = [{"Name": f"/orderflow/dev/{name}", "Value": name} for name in snapshot.dead_letters]
                return SimpleNamespace(
                    get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: [{"Parameters": parameters}])
                )
            case _:
                return SimpleNamespace(get_queue_attributes=lambda **asked: {"Attributes": depth(snapshot, asked["QueueUrl"])})

    def parameter(self, name: str) -> str:
        return next(table for table, parameter in PARAMETERS.items() if parameter == name)


def depth(snapshot: Snapshot, queue: str) -> dict[str, str]:
    return {
        "ApproximateNumberOfMessages": str(snapshot.dead_letters[queue]),
        "ApproximateNumberOfMessagesNotVisible": "0",
    }


@pytest.fixture
def next_snapshots(settled: Snapshot) -> list[Snapshot]:
    """Return the snapshots of the next readings. The last one stays."""
    return [settled]


@pytest.fixture
def orderctl(next_snapshots: list[Snapshot]) -> Run:
    app = typer.Typer()
    command.register(app)
    return lambda *arguments: CliRunner().invoke(app, list(arguments), obj=Stage(waiting=next_snapshots, clock=STANDING))


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
        {"invariant": "E5", "subject": "order/intake-dlq-url", "what": "holds dead letters: 1"}
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
