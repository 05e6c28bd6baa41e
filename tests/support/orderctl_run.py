"""Run the operator's command as a person does, in this process."""

from typer.testing import CliRunner

from operations.aws.target import Target
from orderctl.cli import app


def orderctl(target: Target, *arguments: str, fails: bool = False) -> str:
    """Run a command on `target`; its standard output. It must succeed, or fail if that is expected: then what it raised."""
    answer = CliRunner().invoke(app, ["--endpoint-url", target.reachable(), *arguments])
    if fails:
        assert answer.exception is not None, answer.output
        return str(answer.exception)
    assert answer.exit_code == 0, f"{answer.output}{answer.exception!r}"
    return answer.stdout
