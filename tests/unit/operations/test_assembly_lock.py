"""Locks of CDK CLIs that were killed: a repeated command removes them, and waits for a CLI that still works."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from operations.deploy import assembly_lock
from operations.errors import UserError
from tests.support.polling import eventually

SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def working_cdk(tmp_path: Path) -> Iterator[int]:
    """Start a process that looks like a CDK CLI at work; its id."""
    with subprocess.Popen([sys.executable, "-c", SLEEP, "cdk"]) as process:
        eventually(lambda: "cdk" in psutil.Process(process.pid).cmdline(), 10, "the process runs")
        yield process.pid
        process.kill()


@pytest.fixture
def unreaped() -> Iterator[int]:
    """Kill a process of that kind without reaping it; its id."""
    with subprocess.Popen([sys.executable, "-c", SLEEP, "cdk"]) as process:
        process.kill()
        eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE, 10, "the process has ended")
        yield process.pid


def locked(assembly: Path, pid: int, name: str) -> Path:
    """Lock the assembly as the CDK CLI does: by the process id in the file, or in its name."""
    lock = assembly / name.format(pid=pid)
    lock.write_text(str(pid))
    return lock


NAMES = pytest.mark.parametrize("name", ["synth.lock", "read.{pid}.1.lock"])


@NAMES
def test_lock_of_a_killed_process_that_is_not_reaped_is_removed(tmp_path: Path, unreaped: int, name: str) -> None:
    lock = locked(tmp_path, unreaped, name)
    assembly_lock.wait_until_free(tmp_path, deadline_seconds=0)
    assert not lock.exists()


@NAMES
def test_lock_with_the_reused_id_of_another_program_is_removed(tmp_path: Path, name: str) -> None:
    lock = locked(tmp_path, os.getpid(), name)
    assembly_lock.wait_until_free(tmp_path, deadline_seconds=0)
    assert not lock.exists()


@NAMES
def test_cdk_that_still_works_is_named(tmp_path: Path, working_cdk: int, name: str) -> None:
    lock = locked(tmp_path, working_cdk, name)
    with pytest.raises(UserError, match=rf"still works .*\(process {working_cdk}\)"):
        assembly_lock.wait_until_free(tmp_path, deadline_seconds=0)
    assert lock.exists()


def test_folder_without_locks_is_free(tmp_path: Path) -> None:
    assembly_lock.wait_until_free(tmp_path / "not-made-yet", deadline_seconds=0)
