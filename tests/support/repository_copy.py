"""A copy of the repository to change at will, and to deploy from."""

import shutil
import subprocess
from pathlib import Path

from operations.repository import REPOSITORY

COPIED = ("cdk", "kernel", "services", "audit", "journal", "operations", "laptop", "console", "orderctl", "stages")
LINKED = ("requirements", "data", "node_modules", ".venv", "build")
"""Folders that are only read, or named by their contents."""
SET_UP = (".venv", ".venv-embedded", ".venv-sbom", "node_modules")


def copy(folder: Path, *more: str) -> Path:
    """Copy the deployed code and the code that deploys it, and other folders if named."""
    for name in (*COPIED, *more):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINKED:
        (folder / name).symlink_to(REPOSITORY / name)
    for name in ("app.py", "cdk.json", "pyproject.toml", ".mdformat.toml"):
        shutil.copy(REPOSITORY / name, folder)
    return folder


def clone(folder: Path) -> Path:
    """Copy the repository as a fresh clone has it, with the changes that are not committed. The set-up is this one's.

    `make` must find nothing to set up, because it would do so for this repository's environments.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(lambda name: (REPOSITORY / name).is_file(), filter(None, listed)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder / name)
    for name in SET_UP:
        (folder / name).symlink_to(REPOSITORY / name)
    stale = subprocess.run(["make", "--question", *(f"{name}/.ready" for name in SET_UP)], cwd=folder, check=False)
    assert stale.returncode == 0, "run `make setup` first"
    return folder
