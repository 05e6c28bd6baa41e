"""`orderctl audit`: what it prints, and its exit codes."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner, Result

from audit.catalogue import AT_REST
from audit.snapshot import Books
from operations.aws.target import Target
from operations.errors import EXIT_CHECK_FAILED, CheckFailedError
from orderctl.commands import audit as command

Run = Callable[..., Result]


@pytest.fixture
def books_at_hand(settled: Books, monkeypatch: pytest.MonkeyPatch) -> list[Books]:
    """Return the snapshots of the next readings. The last one stays."""
    waiting = [settled]
    monkeypatch.setattr(command, "read", lambda target: waiting.pop(0) if len(waiting) > 1 else waiting[0])
    monkeypatch.setattr(command, "POLL_SECONDS", 0)
    return waiting


@pytest.fixture
def orderctl(books_at_hand: list[Books]) -> Run:
    app = typer.Typer()
    command.register(app)
    return lambda *arguments: CliRunner().invoke(app, list(arguments), obj=Target())


def test_good_books_are_told_in_figures(orderctl: Run) -> None:
    answer = orderctl("-o", "json")
    told = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert told["orders"] == {"BACKORDERED": 1, "CANCELLED": 29, "CONFIRMED": 15}
    assert told["kept"] == told["confirmed"] == {"EUR": 5500, "USD": 44642}
    assert told["refunded"] == {"EUR": 1100, "USD": 19096}
    assert (told["findings"], told["settled"], told["dead_letters"]) == ([], True, {})


def test_findings_are_told_and_fail_the_check(orderctl: Run, books_at_hand: list[Books], settled: Books) -> None:
    books_at_hand[:] = [replace(settled, dead_letters={"order/intake-dlq-url": 1})]
    answer = orderctl("-o", "json")
    assert json.loads(answer.stdout)["findings"] == [
        {"invariant": "E5", "subject": "order/intake-dlq-url", "what": "holds 1 dead letters"}
    ]
    assert isinstance(answer.exception, CheckFailedError)
    assert answer.exception.exit_code == EXIT_CHECK_FAILED


def test_it_waits_for_what_is_on_its_way(orderctl: Run, books_at_hand: list[Books], history: list[Books]) -> None:
    books_at_hand[:] = [history[len(history) // 2], history[-1]]
    assert orderctl().exit_code == 0


def test_what_does_not_arrive_in_time_is_found(orderctl: Run, books_at_hand: list[Books], history: list[Books]) -> None:
    books_at_hand[:] = [history[len(history) // 2], history[-1]]
    answer = orderctl("--wait", "0", "-o", "json")
    assert {finding["invariant"] for finding in json.loads(answer.stdout)["findings"]} <= AT_REST
    assert isinstance(answer.exception, CheckFailedError)


def test_the_table_names_every_invariant_that_was_asked_about(orderctl: Run) -> None:
    assert "V1" in orderctl().stdout
    assert "V1" not in orderctl("--in-flight").stdout
