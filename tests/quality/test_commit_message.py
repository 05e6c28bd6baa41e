"""A commit's message says in its body why the change is made."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.quality.commit_message import SCISSORS, faults
from tests.quality.test_linters import REPOSITORY

GOOD = "Relay: publish each event once\n\nA second put cost money and said nothing new.\n"


def test_subject_and_body_are_accepted() -> None:
    assert faults(GOOD) == []
    assert faults("Merge branch 'words'\n") == []
    assert faults(f"{GOOD}# Please enter the commit message for your changes.\n") == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("Relay: publish each event once\n", "there is no body"),
        ("Relay: publish each event once\n\n# On branch main\n", "there is no body"),
        (f"Relay: publish each event once\n\n{SCISSORS}\ndiff --git a/app.py b/app.py\n", "there is no body"),
        ("Relay: publish each event once\nIt cost money.\n", "the second line is not empty"),
        (f"{'x' * 61}\n\nA body.\n", "the subject has 61 characters"),
        ("", "the subject has 0 characters"),
    ],
)
def test_each_fault_is_named(message: str, fault: str) -> None:
    assert fault in " ".join(faults(message))


def test_hook_refuses_a_message_without_a_body(tmp_path: Path) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text("Relay: publish each event once\n")
    command = [sys.executable, "-m", "tests.quality.commit_message", str(file)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, "say in a sentence why" in done.stderr) == (1, True)
