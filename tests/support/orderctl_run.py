"""Run the operator's command as a person does, in this process."""

import shlex

from typer.testing import CliRunner

from operations.aws.target import Target
from orderctl.cli import app
from tests.support.documented_commands import root


def orderctl(target: Target, *arguments: str, fails: bool = False) -> str:
    """Run a command on `target`; its standard output. It must succeed, or fail if that is expected: then what it raised."""
    answer = CliRunner().invoke(app, ["--endpoint-url", target.reachable(), *arguments])
    if fails:
        assert answer.exception is not None, answer.output
        return str(answer.exception)
    assert answer.exit_code == 0, f"{answer.output}{answer.exception!r}"
    return answer.stdout


def run_on(target: Target, line: str) -> None:
    """Run the command of a line, `orders resume ORDER`, on a target that has no address. Raises what the command raises."""
    command, words = root(), shlex.split(line)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.main(words, obj=target, standalone_mode=False)
