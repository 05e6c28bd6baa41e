"""The checks of `.pre-commit-config.yaml`, as tests: `make test` and CI run them and report their findings."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CONFIGURATION = REPOSITORY / ".pre-commit-config.yaml"
CHECKS = {
    hook["id"]: hook
    for group in yaml.safe_load(CONFIGURATION.read_text())["repos"]
    for hook in group["hooks"]
    if "commit-msg" not in hook.get("stages", ())
}
"""The checks of the files. The check of a commit's message is tested in test_commit_message.py."""
DISTRIBUTIONS = {"lint-imports": "import-linter"}
"""The package of a tool that has another name."""


def recipe(target: str) -> str:
    """Return the commands that make would run for `target`."""
    done = subprocess.run(["make", "--dry-run", target], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("check", CHECKS)
def test_check_finds_nothing(check: str) -> None:
    tool, *arguments = shlex.split(CHECKS[check]["entry"])
    done = subprocess.run([str(BIN / Path(tool).name), *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{CHECKS[check]['entry']} found:\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("check", CHECKS)
def test_check_runs_a_pinned_tool_on_the_whole_repository(check: str) -> None:
    hook = CHECKS[check]
    tool = Path(shlex.split(hook["entry"])[0])
    pinned = {line.partition("==")[0] for line in (REPOSITORY / "requirements" / "dev.in").read_text().splitlines()}
    assert tool.parent == Path(".venv/bin")
    assert tool.name == "python" or DISTRIBUTIONS.get(tool.name, tool.name) in pinned
    assert hook["language"] == "system"
    assert hook["pass_filenames"] is False


def test_pre_commit_accepts_the_configuration() -> None:
    command = [str(BIN / "pre-commit"), "validate-config", str(CONFIGURATION)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unexpected" not in done.stdout + done.stderr.lower()


def test_make_lint_runs_the_hooks() -> None:
    assert "pre-commit run --all-files" in recipe("lint")


def test_make_lint_checks_the_templates() -> None:
    assert "tests.infrastructure.synthesized" in recipe("lint"), "cdk-nag"
    assert re.findall(r"^\S*/(cfn-lint|checkov) ", recipe("lint"), re.MULTILINE) == ["cfn-lint", "checkov"]


def test_ci_runs_these_tests() -> None:
    assert "\nmake test\n" in (REPOSITORY / ".ci" / "run").read_text()
    assert "pytest -q -n 2 --ignore tests/emulator --ignore tests/system" in recipe("test")
