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


def set_up(checkout: Path, python: str | None = sys._base_executable) -> subprocess.CompletedProcess[str]:
    """Run the first step of the set-up, with a Python that is named or not, where no package can be had."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        ["make", ".venv/.ready", *([f"PYTHON={python}"] if python else [])],
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


@pytest.fixture
def finished(checkout: Path) -> Path:
    """Return a file of an environment that is set up."""
    subprocess.run([sys._base_executable, "-m", "venv", str(checkout / ".venv")], check=True)
    (checkout / ".venv" / ".ready").touch()
    (checkout / ".venv" / "mark").touch()
    return checkout / ".venv" / "mark"


def named(folder: Path, version: str) -> str:
    """Return a Python that says to be of a version."""
    program = folder / f"python{version}"
    program.write_text(f'#!/bin/sh\ncase "$2" in *print*) echo {version};; *) exec {sys._base_executable} "$@";; esac\n')
    program.chmod(0o755)
    return str(program)


def test_a_named_python_of_another_version_makes_the_environment_anew(checkout: Path, tmp_path: Path, finished: Path) -> None:
    set_up(checkout, named(tmp_path, "3.99"))
    assert not finished.exists()
    assert has_pip(checkout)


@pytest.mark.parametrize("python", [None, sys._base_executable], ids=["not named", "named"])
def test_an_environment_of_the_same_version_stays(checkout: Path, finished: Path, python: str | None) -> None:
    assert set_up(checkout, python).returncode == 0
    assert finished.exists()


def test_a_named_python_that_is_not_there_takes_no_environment_away(checkout: Path, finished: Path) -> None:
    assert "There is no nonesuch." in set_up(checkout, "nonesuch").stderr
    assert finished.exists()
