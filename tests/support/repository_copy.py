"""A copy of the repository to change at will, and to deploy from."""

import re
import shutil
import subprocess
from pathlib import Path

from operations.repository import REPOSITORY

COPIED = ("cdk", "kernel", "services", "audit", "journal", "operations", "laptop", "console", "orderctl", "stages")
LINKED = ("requirements", "data", "node_modules", ".venv", "build")
"""Folders that are only read, or named by their contents."""
BLOCK = re.compile(r"^```(python|diff) (\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def copy(folder: Path) -> Path:
    """Copy the deployed code and the code that deploys it."""
    for name in COPIED:
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINKED:
        (folder / name).symlink_to(REPOSITORY / name)
    for name in ("app.py", "cdk.json", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder)
    return folder


def apply_page(page: Path, folder: Path) -> list[str]:
    """Do in the copy what a page says: its blocks that name a file are that file, or a change of it. The files' names."""
    done = []
    for language, name, text in BLOCK.findall(page.read_text()):
        if language == "diff":
            command = ["git", "apply", "--unidiff-zero", "-"]
            subprocess.run(command, cwd=folder, input=text, text=True, check=True, capture_output=True)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        done.append(name)
    return done
