"""Follow a runbook as an operator does: its commands, from its very text."""

from pathlib import Path

from operations.aws.target import Target
from operations.repository import REPOSITORY
from tests.support.documented_commands import of_page
from tests.support.shell import shell

RUNBOOKS = Path(__file__).parents[2] / "docs" / "how-to" / "runbooks"


def commands(name: str) -> list[str]:
    """Return the commands of a runbook, in order: the text after the prompts in its console blocks."""
    return [command.line for command in of_page(RUNBOOKS / f"{name}.md")]


def follow(name: str, target: Target, *, fails: tuple[str, ...] = (), **variables: str) -> list[str]:
    """Run every command of a runbook, and return what each printed. `variables` are those that it says to set.

    Each must succeed, but for those that begin as one of `fails`: they must fail.
    """
    return [shell(target, line, fails=line.startswith(fails), folder=REPOSITORY, **variables) for line in commands(name)]
