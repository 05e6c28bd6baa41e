"""A command of the CDK ends if the laptop's AWS ends under it."""

import subprocess
import sys
from pathlib import Path

import pytest

from operations.aws.target import Target
from operations.deploy.cdk_cli import Cdk
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
