"""The findings on the templates: each is acknowledged with its reason. Only `make lint` runs checkov."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.infrastructure import nag_report
from tests.infrastructure.templates import Assembly

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(params=["assembly", "lasting", "shifting"])
def stage(request: pytest.FixtureRequest) -> Assembly:
    found: Assembly = request.getfixturevalue(request.param)
    return found


def test_cdk_nag_finds_nothing(stage: Assembly) -> None:
    assert nag_report.findings(stage.folder) == []


def test_cfn_lint_finds_nothing(stage: Assembly) -> None:
    command = [str(Path(sys.executable).parent / "cfn-lint"), *map(str, sorted(stage.folder.glob("*.template.json")))]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_of_checkov_that_is_skipped_is_skipped_beside_its_resource_with_a_reason(stage: Assembly) -> None:
    skipped = [
        (name, skip)
        for template in stage.folder.glob("*.template.json")
        for name, resource in json.loads(template.read_text())["Resources"].items()
        for skip in resource.get("Metadata", {}).get("checkov", {}).get("skip", ())
    ]
    assert skipped
    assert [name for name, skip in skipped if not skip["id"].startswith("CKV_AWS_") or len(skip["comment"].split()) < 4] == []
    assert "skip-check" not in yaml.safe_load((REPOSITORY / ".checkov.yaml").read_text())
