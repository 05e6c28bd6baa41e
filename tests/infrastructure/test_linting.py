"""The findings of cdk-nag and cfn-lint on the templates: each is acknowledged with its reason."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infrastructure.templates import Assembly

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(params=["assembly", "lasting", "shifting"])
def stage(request: pytest.FixtureRequest) -> Assembly:
    found: Assembly = request.getfixturevalue(request.param)
    return found


def test_cdk_nag_finds_nothing(stage: Assembly) -> None:
    reports = json.loads((stage.folder / "validation-report.json").read_text())["pluginReports"]
    assert {report["pluginName"] for report in reports} == {"AwsSolutions", "Serverless"}
    found = [
        f"{violation['ruleName']}: {construct['constructPath']}"
        for report in reports
        for violation in report.get("violations", ())
        for construct in violation["violatingConstructs"]
    ]
    assert found == []


def test_cfn_lint_finds_nothing(stage: Assembly) -> None:
    command = [str(Path(sys.executable).parent / "cfn-lint"), *map(str, sorted(stage.folder.glob("*.template.json")))]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
