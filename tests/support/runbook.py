"""Follow a runbook as an operator does: its commands, from its very text."""

from pathlib import Path

from operations.aws.target import Target
from tests.support.documented_commands import of_page
from tests.support.shell import shell

RUNBOOKS = Path(__file__).parents[2] / "docs" / "how-to" / "runbooks"


def commands(name: str) -> list[str]:
    """The commands that a runbook tells to give, in order: what follows a prompt in its console blocks."""
    return [command.line for command in of_page(RUNBOOKS / f"{name}.md")]


def follow(name: str, target: Target, **variables: str) -> list[str]:
    """Give every command of a runbook; what each printed. Each must succeed. `variables` are those it says to set."""
    return [shell(target, line, **variables) for line in commands(name)]
