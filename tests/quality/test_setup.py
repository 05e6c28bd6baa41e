"""The set-up: it can be cut at any moment and repeated, in a folder with a space in its name, and says if it has no network."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NEEDED = ("Makefile", "pyproject.toml", "package-lock.json", "requirements")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "sp ace"
    folder.mkdir()
    for name in NEEDED:
        there = REPOSITORY / name
        shutil.copytree(there, folder / name) if there.is_dir() else shutil.copy(there, folder)
    return folder


def set_up(checkout: Path, python: str = sys._base_executable) -> subprocess.CompletedProcess[str]:
    """Run the first step of the set-up, where no package can be had."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        ["make", ".venv/.ready", f"PYTHON={python}"],
        cwd=checkout,
        env={**kept, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )


def has_pip(folder: Path) -> bool:
    command = [str(folder / ".venv" / "bin" / "python"), "-m", "pip", "--version"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def cut_before_pip(folder: Path) -> None:
    subprocess.run([sys._base_executable, "-m", "venv", "--without-pip", str(folder / ".venv")], check=True)


def cut_before_the_interpreter(folder: Path) -> None:
    (folder / ".venv" / "bin").mkdir(parents=True)


def cut_before_the_configuration(folder: Path) -> None:
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys._base_executable)


@pytest.mark.parametrize(
    "cut", [cut_before_pip, cut_before_the_interpreter, cut_before_the_configuration], ids=lambda cut: cut.__name__
)
def test_an_environment_that_was_cut_is_made_anew(checkout: Path, cut: Callable[[Path], None]) -> None:
    cut(checkout)
    assert not (checkout / ".venv" / "pyvenv.cfg").exists() or not has_pip(checkout)
    set_up(checkout)
    assert has_pip(checkout)
    assert (checkout / ".venv" / "pyvenv.cfg").exists()


def test_no_network_is_said_in_one_sentence(checkout: Path) -> None:
    done = set_up(checkout)
    assert done.returncode != 0
    assert "The set-up needs PyPI and the npm registry. Behind a proxy set HTTPS_PROXY" in done.stderr
    assert not (checkout / ".venv" / ".ready").exists()


def test_an_interpreter_that_is_not_there_is_named(checkout: Path) -> None:
    said = set_up(checkout, "nonesuch").stderr
    assert "There is no nonesuch. Install Python 3.11 or newer, or name yours: make setup PYTHON=python3.13" in said
