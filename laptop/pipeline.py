"""The steps of the deployment pipeline (`.github/workflows/deploy-stage.yml`), run against a throw-away laptop AWS.

Usage: `python -m laptop.pipeline`, or `make pipeline-dry-run`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

import stages
from laptop.emulator import mailbox, process
from operations.aws.target import Target
from operations.repository import REPOSITORY

WORKFLOW = REPOSITORY / ".github" / "workflows" / "deploy-stage.yml"
CREDENTIALS = "aws-actions/configure-aws-credentials@"
"""The action before the first step that uses AWS. The steps before it set the machine up."""
AFTER_A_FAILURE = "failure() && steps.deploy.outcome != 'skipped'"
EXIT_OF_A_SIGNAL = 128
"""A shell's exit code of a command that a signal ended is this number more than the signal's."""
STAGE = "dev"
ORDERCTL = f".venv/bin/orderctl --stage {STAGE}"


@dataclass(frozen=True)
class Step:
    """A step of a job: its name, its shell script, and the condition under which it runs, if it has one."""

    name: str
    script: str
    condition: str | None = None


def steps(workflow: Path = WORKFLOW) -> list[Step]:
    """Return the steps of the workflow's only job behind its credentials."""
    (job,) = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    uses = [str(step.get("uses", "")).startswith(CREDENTIALS) for step in job["steps"]]
    return [Step(step["name"], step["run"], step.get("if")) for step in job["steps"][uses.index(True) + 1 :]]


def run(found: list[Step], environment: Mapping[str, str], report: Callable[[str], None] = print) -> int:
    """Run the steps one after the other, and stop at the first that fails. Return its exit code, or 0.

    A step for the case that another has failed is reported and not run: it would check out another commit here.
    """
    for step in found:
        if step.condition == AFTER_A_FAILURE:
            report(f"== {step.name}: only after a failure, and not in a dry run")
            continue
        report(f"== {step.name}")
        exit_code = _run_script(step.script, {**os.environ, **environment})
        if exit_code:
            report(f"== {step.name} failed with exit code {exit_code}")
            return exit_code
    return 0


def _run_script(script: str, environment: Mapping[str, str]) -> int:
    """Run a script of bash, and return its exit code. If this process is stopped, end every process of the script."""
    command = ["/bin/bash", "-eo", "pipefail", "-c", script]
    running = subprocess.Popen(command, cwd=REPOSITORY, env=dict(environment), start_new_session=True)
    try:
        return running.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGTERM)
        running.wait()
        raise


@contextmanager
def exits_when_terminated() -> Iterator[None]:
    """Raise SystemExit when this process receives SIGTERM, so that each `finally` runs, as after Ctrl-C."""

    def leave(number: int, _: object) -> None:
        sys.exit(EXIT_OF_A_SIGNAL + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def throw_away() -> Iterator[dict[str, str]]:
    """Start a laptop AWS with what a deployment needs there, and yield the variables by which `orderctl` finds it.

    An account is bootstrapped once, and its sender verified once: the pipeline does neither.
    """
    with tempfile.TemporaryDirectory(prefix="orderflow-pipeline-") as home, process.home_at(Path(home)):
        try:
            target = Target(stage=STAGE).at(process.start(stage=STAGE, port=process.free_port()).endpoint)
            cdk = target.cdk(Path(home) / "logs" / "bootstrap.log")
            cdk.finish(cdk.bootstrapping(), "bootstrap")
            mailbox.verify(target, stages.load(STAGE).sender)
            yield {"ORDERFLOW_HOME": home, "ORDERCTL": ORDERCTL}
        finally:
            process.stop()


if __name__ == "__main__":
    with exits_when_terminated(), throw_away() as variables:
        sys.exit(run(steps(), variables))
