"""The steps of the deployment pipeline (`.github/workflows/deploy-stage.yml`), run against a throw-away laptop AWS.

Usage: `python -m laptop.pipeline`, or `make pipeline-dry-run`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import stages
from laptop.emulator import mailbox, process
from operations.aws.target import Target
from operations.repository import REPOSITORY

WORKFLOW = REPOSITORY / ".github" / "workflows" / "deploy-stage.yml"
DEPLOY, VERIFY, ROLL_BACK = "deploy", "verify", "roll-back"
"""The jobs: the first runs for each service, the last only if another has failed."""
CREDENTIALS = "aws-actions/configure-aws-credentials@"
"""The action before the first step that uses AWS. The steps before it set the machine up."""
EXIT_OF_A_SIGNAL = 128
"""A shell's exit code of a command that a signal ended is this number more than the signal's."""
STAGE = "dev"
ORDERCTL = f".venv/bin/orderctl --stage {STAGE}"


@dataclass(frozen=True)
class Step:
    """A step: its job, its name, its shell script, and its own variables."""

    job: str
    name: str
    script: str
    variables: Mapping[str, str] = field(default_factory=dict)


def steps(services: Sequence[str], workflow: Path = WORKFLOW) -> list[Step]:
    """Return the steps behind the credentials of each job, in the order in which GitHub runs them for these services."""
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    runs = {
        DEPLOY: [{"SERVICE": service} for service in services],
        VERIFY: [{"AUDIT": "--settled"}],
        ROLL_BACK: [{"SERVICES": " ".join(services)}],
    }
    return [
        Step(job, step["name"], step["run"], variables)
        for job, each in runs.items()
        for variables in each
        for step in _after_credentials(jobs[job]["steps"])
    ]


def _after_credentials(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    uses = [str(step.get("uses", "")).startswith(CREDENTIALS) for step in found]
    return found[uses.index(True) + 1 :]


def run(found: list[Step], environment: Mapping[str, str], report: Callable[[str], None] = print) -> int:
    """Run the steps one after the other, and stop at the first that fails. Return its exit code, or 0.

    A step of the job that rolls back is reported and not run: it deploys another commit.
    """
    for step in found:
        if step.job == ROLL_BACK:
            report(f"== {step.name}: only after a failure, and not in a dry run")
            continue
        report(f"== {' '.join([step.name, *step.variables.values()])}")
        exit_code = _run_script(step.script, {**os.environ, **environment, **step.variables})
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


def in_order_of_deployment(variables: Mapping[str, str]) -> list[str]:
    """Return all services: those that changed since there was nothing."""
    empty_tree = ["git", "hash-object", "-t", "tree", os.devnull]
    nothing = subprocess.run(empty_tree, cwd=REPOSITORY, capture_output=True, text=True, check=True)  # nosec B607
    command = [*ORDERCTL.split(), "changed", nothing.stdout.strip(), "-o", "json"]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    with exits_when_terminated(), throw_away() as variables:
        sys.exit(run(steps(in_order_of_deployment(variables)), variables))
