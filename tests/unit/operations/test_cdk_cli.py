"""A command of the CDK: it ends if the laptop's AWS ends under it, and checks what goes to AWS."""

import subprocess
import sys
from pathlib import Path

import pytest

from operations.aws.target import Kind, Target
from operations.deploy.cdk_cli import VALIDATION, Cdk
from operations.errors import UserError


def test_command_ends_if_its_target_has_ended(tmp_path: Path) -> None:
    looks = iter([True, False])
    cdk = Cdk(Target(), tmp_path / "deploy.log", is_there=lambda: next(looks))
    running = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with pytest.raises(UserError, match="The laptop's AWS ended while cdk deploy ran"):
        cdk.finish(running, "deploy")
    assert running.returncode is not None


def test_command_that_ends_first_is_not_disturbed(tmp_path: Path) -> None:
    cdk = Cdk(Target(), tmp_path / "deploy.log", is_there=lambda: False)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    cdk.finish(ended, "deploy")
    assert ended.returncode == 0


@pytest.mark.parametrize(
    ("target", "setting"),
    [
        pytest.param(Target().at("http://127.0.0.1:4566"), "false", id="laptop"),
        pytest.param(Target(Kind.AWS, region="eu-west-1"), None, id="AWS"),
    ],
)
def test_cdk_validates_the_templates_that_go_to_aws_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target, setting: str | None
) -> None:
    monkeypatch.delenv(VALIDATION, raising=False)
    assert Cdk(target, tmp_path / "synth.log").environment().get(VALIDATION) == setting
