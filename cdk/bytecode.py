"""Python's bytecode for the modules of a bundle, so that a cold start compiles no source.

The files are of the functions' Python, and unchecked (PEP 552): Python loads them without reading the source. Another Python,
such as the laptop's, ignores them.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

from uv import find_uv_bin

PYTHON_VERSION: Final = "3.13"
TAG: Final = "cpython-313"
"""The part of a bytecode file's name that says which Python loads it."""
COMPILE: Final = """
import json, py_compile, sys
for source, name, target in json.load(sys.stdin):
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(source, cfile=target, dfile=name, doraise=True, invalidation_mode=mode)
"""
MISSING: Final = (
    f"This machine has no Python {PYTHON_VERSION}, so the bundles have no bytecode and a cold start compiles every module. "
    f"Install it by `uv python install {PYTHON_VERSION}`, then deploy again."
)


@cache
def deployed_python() -> Path | None:
    """Return an interpreter of the functions' Python version: the running one, else one that uv or pyenv has; else None."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON_VERSION:
        return Path(sys.executable)
    of_pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{PYTHON_VERSION}.*/bin/python{PYTHON_VERSION}"))
    if of_pyenv:
        return of_pyenv[-1]
    command = [find_uv_bin(), "python", "find", PYTHON_VERSION, "--system", "--no-project", "--no-python-downloads"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def bytecode_of(sources: Mapping[str, Path], python: Path, folder: Path) -> dict[str, Path]:
    """Return the bytecode of each module of `sources`, by its path in the bundle. `folder` keeps earlier results.

    Raises subprocess.CalledProcessError for a module that does not compile.
    """
    found: dict[str, Path] = {}
    missing: list[tuple[str, str, str]] = []
    for name, source in sorted(sources.items()):
        module = PurePosixPath(name)
        if module.suffix != ".py":
            continue
        digest = hashlib.sha256(f"{TAG} {name}\0".encode() + source.read_bytes()).hexdigest()
        compiled = folder / f"{digest[:32]}.pyc"
        found[str(module.parent / "__pycache__" / f"{module.stem}.{TAG}.pyc")] = compiled
        if not compiled.exists():
            missing.append((str(source), name, str(compiled)))
    if missing:
        _compile(missing, python, folder)
    return found


def _compile(modules: list[tuple[str, str, str]], python: Path, folder: Path) -> None:
    """Compile (source, name, target) each, in one process. The same source is the same bytecode: no hash seed counts."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile("w+") as listed:
        json.dump(modules, listed)
        listed.seek(0)
        environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
        subprocess.run([str(python), "-S", "-c", COMPILE], stdin=listed, check=True, env=environment)
