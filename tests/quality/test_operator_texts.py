"""The texts of the command line: every error names the next step, every command and option has a help in sentences."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup as Group

from orderctl.cli import app

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("console", "orderctl", "operations", "laptop", "stages")
ERRORS = {"UserError", "WrongUsageError", "CheckFailedError", "StageError"}
"""The errors with a message and a hint: the hint is the next step."""
SENTENCE_ENDS = (".", "?", "]", "`")


def raised() -> Iterator[tuple[str, ast.Call]]:
    """Yield each call that creates one of these errors, with its place."""
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                    if name in ERRORS:
                        yield f"{path.relative_to(REPOSITORY)}:{node.lineno}", node


def literal_end(node: ast.expr) -> str | None:
    """Return the last literal characters of a string expression, or None if it ends with a value."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[*_, last]):
            return literal_end(last)
        case ast.BinOp(right=right):
            return literal_end(right)
    return None


def commands(command: Any, path: str = "orderctl") -> Iterator[tuple[str, Any]]:
    """Yield each command with its full name."""
    yield path, command
    if isinstance(command, Group):
        for name, below in command.commands.items():
            yield from commands(below, f"{path} {name}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_every_error_names_the_next_step() -> None:
    without = [place for place, call in raised() if len(call.args) + len(call.keywords) < 2]
    assert without == [], "add a hint that says what to do next"


def test_messages_and_hints_are_sentences() -> None:
    texts = [(place, literal_end(text)) for place, call in raised() for text in call.args[:2]]
    assert [(place, end) for place, end in texts if end is not None and end.strip() and not end.endswith(SENTENCE_ENDS)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_command_and_its_options_have_a_help_in_sentences(name: str) -> None:
    command = COMMANDS[name]
    if not command.hidden:
        summary = (command.help or "").split("\n\n")[0].strip()
        assert summary.endswith("."), f"{name}: {summary!r}"
        helps = {parameter.name: (getattr(parameter, "help", None) or "").strip() for parameter in command.params}
        assert {name: text for name, text in helps.items() if not text.endswith(SENTENCE_ENDS)} == {}
