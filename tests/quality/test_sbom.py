"""The lists of components that `make sbom` writes: each package that is pinned is in one of them."""

import json
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
REQUIREMENTS: Final = sorted(path.stem for path in (REPOSITORY / "requirements").glob("*.txt"))
Component = tuple[str, str]
"""The name of a package and its version."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the lists."""
    made = tmp_path_factory.mktemp("sbom")
    done = subprocess.run(["make", "sbom", f"SBOM={made}"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def components(folder: Path, name: str) -> set[Component]:
    """Return the components of a list."""
    listed = json.loads((folder / f"{name}.json").read_text())
    assert listed["bomFormat"] == "CycloneDX"
    return {(found["name"], found["version"]) for found in listed["components"]}


def test_the_tools_own_check_finds_a_list_valid(tmp_path: Path) -> None:
    """All lists have the same form, so one stands for the others."""
    listed = ("requirements", "--pyproject", "pyproject.toml", "-o", str(tmp_path / "runtime.json"), "requirements/runtime.txt")
    command = (str(REPOSITORY / ".venv-sbom" / "bin" / "python"), "-W", "ignore", "-m", "cyclonedx_py", *listed)
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Validation skipped" not in done.stderr


@cache
def locked() -> dict[str, str]:
    """Return the packages of npm by their folders, with their versions."""
    packages = json.loads((REPOSITORY / "package-lock.json").read_text())["packages"]
    return {where: package["version"] for where, package in packages.items() if where}


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_each_pinned_package_of_python_is_listed(folder: Path, name: str) -> None:
    pins = re.findall(
        r"^([\w.-]+)(?:\[.*\])?==([^ ;]+)", (REPOSITORY / "requirements" / f"{name}.txt").read_text(), re.MULTILINE
    )
    assert pins
    assert set(pins) - components(folder, name) == set()


def test_each_locked_package_of_npm_is_listed(folder: Path) -> None:
    assert {(where.rpartition("node_modules/")[2], version) for where, version in locked().items()} == components(folder, "npm")


def test_npm_names_the_version_of_the_project() -> None:
    """`npm sbom` refuses a project without a version."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    package = json.loads((REPOSITORY / "package.json").read_text())
    assert package["version"] == project
