"""The linters, as tests: what they find stands in the test run's own summary."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

LINTERS = {
    "ruff": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "import-linter": ["lint-imports"],
}


@pytest.mark.parametrize("name", LINTERS)
def test_finds_nothing(name: str) -> None:
    command, *arguments = LINTERS[name]
    done = subprocess.run([str(BIN / command), *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(LINTERS[name])} found:\n{done.stdout}{done.stderr}"
