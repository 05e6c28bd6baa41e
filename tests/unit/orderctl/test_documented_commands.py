"""Each command that a document, the help or a hint prints is one that the command line takes."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import stages
from laptop import seed
from operations.replay import archive_replay, paced_replay
from orderctl.commands import orders
from orderctl.terminal.output import Progress
from tests.support.documented_commands import PAGES, REPOSITORY, invocations, names_command, of_help, of_page, read
from tests.unit.orderctl.conftest import Stage, orderctl

HELP = of_help()
CONSOLE = {
    f"{page}: {command.line}": command.line
    for page in PAGES
    for command in of_page(REPOSITORY / page)
    if "orderctl" in command.line
}
EXAMPLES = {f"{name} --help: {line}": line for name, lines in HELP.items() for line in lines}
PRINTED = CONSOLE | EXAMPLES
PLACED = {
    where: call for where, line in PRINTED.items() for call in invocations(line, "orderctl") if call[:2] == ["orders", "place"]
}
MENTION = re.compile(r"`orderctl ([^`{}.]+)")
MENTIONS = sorted(
    {
        (file.relative_to(REPOSITORY).as_posix(), " ".join(mention.split()))
        for file in (
            *(REPOSITORY / page for page in PAGES),
            *(
                path
                for package in ("operations", "laptop", "console", "orderctl")
                for path in (REPOSITORY / package).rglob("*.py")
            ),
        )
        for mention in MENTION.findall(file.read_text())
    }
)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
A_MOMENT = "2026-11-23T11:00:00Z"
"""The value to which the reader of a runbook sets the variable MOMENT."""


@pytest.mark.parametrize("name", HELP)
def test_each_command_has_an_example(name: str) -> None:
    assert name in [read(call)[0] for call in calls(HELP[name])]


@pytest.mark.parametrize(("where", "mention"), MENTIONS)
def test_each_mention_of_a_command_names_one(where: str, mention: str) -> None:
    assert names_command(mention)


@pytest.mark.parametrize("where", PRINTED)
def test_command_line_accepts_every_printed_command(where: str) -> None:
    found = calls([PRINTED[where]])
    assert found
    for call in found:
        name, values = read(call)
        check_values(name, values)


@pytest.mark.parametrize("page", PAGES)
def test_every_printed_command_has_a_prompt(page: str) -> None:
    blocks = re.findall(r"^ *```.*?^ *```$", (REPOSITORY / page).read_text(), re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    assert [line for line in lines if line.startswith("orderctl ")] == []


def check_values(name: str, values: dict[str, Any]) -> None:
    """See that the values which a command reads itself are none that it refuses."""
    if values["stage"]:
        stages.check_name(values["stage"])
    if values.get("rate") and isinstance(values["rate"], str):
        paced_replay.rate(values["rate"])
    if name in ("replay plan", "replay start"):
        start = A_MOMENT if values["start_at"] == "$MOMENT" else values["start_at"]
        archive_replay.window(values["last"], start, values["until"], NOW, NOW - timedelta(minutes=10))


@pytest.mark.parametrize("where", PLACED)
def test_api_accepts_every_printed_order(where: str, stage: Stage) -> None:
    seed.seed(stage, Progress())
    answer = orderctl(orders.app, stage, *PLACED[where][1:], "-o", "json")
    assert json.loads(answer.stdout)["http_status"] not in (400, 422), answer.stdout


def calls(lines: list[str]) -> list[list[str]]:
    return [call for line in lines for call in invocations(line, "orderctl")]
