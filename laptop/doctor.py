"""The checks of `orderctl doctor`, each with its finding and the next step."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from laptop.emulator import process
from operations.aws.target import Target
from operations.deploy import cdk_cli
from operations.repository import REPOSITORY

SETUP = "make setup"
_PATIENCE_SECONDS = 20


class Check(TypedDict):
    """The result of one check: whether it passed, the version or state that was found, and the next step if it failed."""

    check: str
    ok: bool
    found: str
    todo: str


def examine() -> list[Check]:
    """Run every check and return a row for each: `check`, `ok`, `found`, and `todo` (the next step, empty if ok)."""
    checks: list[tuple[str, Callable[[], tuple[bool, str]], str]] = [
        ("Python", _python, "Install Python 3.11 or newer, then `make clean setup PYTHON=python3.13`."),
        ("environment (.venv)", _environment, SETUP),
        ("laptop's AWS (.venv-embedded)", _engine, SETUP),
        ("Node", _node, SETUP),
        ("CDK command line", _cdk, SETUP),
        ("uv", _uv, SETUP),
        ("port", _port, "Nothing to do: `orderctl up` takes another port."),
        ("home folder", _home, "Set ORDERFLOW_HOME to a folder you can write to."),
    ]
    rows: list[Check] = []
    for name, check, todo in checks:
        try:
            ok, found = check()
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            ok, found = False, f"{type(error).__name__}: {error}"
        rows.append({"check": name, "ok": ok, "found": found, "todo": "" if ok else todo})
    return rows


def _python() -> tuple[bool, str]:
    return sys.version_info >= (3, 11), sys.version.split()[0]


def _environment() -> tuple[bool, str]:
    venv = REPOSITORY / ".venv"
    return Path(sys.prefix).resolve() == venv.resolve(), sys.prefix


def _engine() -> tuple[bool, str]:
    wanted = re.search(r"^ministack==(\S+)", (REPOSITORY / "requirements" / "embedded.in").read_text(), re.MULTILINE)
    if not process.PYTHON.exists():
        return False, "missing"
    found = _says([str(process.PYTHON), "-c", "from importlib.metadata import version; print(version('ministack'))"])
    return wanted is not None and found == wanted[1], f"ministack {found}"


def _node() -> tuple[bool, str]:
    version = _says([str(REPOSITORY / ".venv" / "lib" / "node" / "bin" / "node"), "--version"])
    return int(version.removeprefix("v").split(".")[0]) >= 22, version


def _cdk() -> tuple[bool, str]:
    wanted = json.loads((REPOSITORY / "package.json").read_text())
    pinned = (wanted.get("dependencies", {}) | wanted.get("devDependencies", {})).get("aws-cdk")
    environment = _cdk_environment()
    version = _says([str(cdk_cli.CDK), "--version"], environment).split()[0]
    return version == pinned, f"{version} (pinned {pinned})"


def _uv() -> tuple[bool, str]:
    return True, _says([str(REPOSITORY / ".venv" / "bin" / "uv"), "--version"])


def _port() -> tuple[bool, str]:
    record = process.running()
    if record is not None:
        return True, f"{record.port}: the laptop's AWS, running"
    if process.port_taken(process.USUAL_PORT):
        return True, f"{process.USUAL_PORT} is in use by another process; `orderctl up` takes another port"
    return True, f"{process.USUAL_PORT} is free"


def _home() -> tuple[bool, str]:
    folder = process.home()
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".probe"
    probe.touch()
    probe.unlink()
    return True, str(folder)


def _says(command: list[str], environment: dict[str, str] | None = None) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=True, env=environment)
    return answer.stdout.strip()


def _cdk_environment() -> dict[str, str]:
    """Return the CDK's environment without access to AWS: it only prints its version."""
    return cdk_cli.Cdk(Target(endpoint_url="http://127.0.0.1:9"), process.home() / "logs" / "doctor.log").environment()
