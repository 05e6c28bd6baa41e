"""The checks of `orderctl doctor`, each with its finding and the next step."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, TypedDict

import psutil

from laptop.emulator import process
from operations.aws.target import Target
from operations.deploy import cdk_cli
from operations.repository import REPOSITORY

SETUP = "make setup"
_PATIENCE_SECONDS = 20
DISK_BYTES: Final = 1_000_000_000
"""The space for a synthesis, a deployment and the logs of a day, rounded up."""
PROXIES: Final = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
CURL: Final = [7, 75]
"""The first version of curl that signs requests (`--aws-sigv4`)."""
CLOCK_SECONDS: Final = 300
"""The most by which a clock may differ from the one of AWS (`RequestTimeTooSkewed`)."""


class Check(TypedDict):
    """The result of one check: whether it passed, the version or state that was found, and the next step if it failed."""

    check: str
    ok: bool
    found: str
    todo: str


class Finding(NamedTuple):
    """A check's result. `todo` is the next step if the check failed and the one of its row does not fit."""

    ok: bool
    found: str
    todo: str = ""


def examine() -> list[Check]:
    """Run every check and return a row for each: `check`, `ok`, `found`, and `todo` (the next step, empty if ok)."""
    checks: list[tuple[str, Callable[[], Finding], str]] = [
        ("Python", _python, "Install Python 3.11 or newer, then `make clean setup PYTHON=python3.13`."),
        ("environment (.venv)", _environment, SETUP),
        ("laptop's AWS (.venv-embedded)", _engine, SETUP),
        ("Node", _node, SETUP),
        ("CDK command line", _cdk, SETUP),
        ("uv", _uv, SETUP),
        ("curl", _curl, "Install curl 7.75 or newer, or call the API from Python: docs/how-to/call-the-api.md."),
        ("port", _port, "Nothing to do: `orderctl up` takes another port."),
        ("laptop's AWS", lambda: emulators(engines(), _silent()), "`orderctl down`"),
        ("home folder", _home, "Set ORDERFLOW_HOME to a folder you can write to."),
        ("disk", lambda: disk(_free_bytes(process.home())), "`make clean`, or set ORDERFLOW_HOME to a folder on another disk."),
        ("proxy", lambda: proxy(os.environ), "`export NO_PROXY=127.0.0.1,localhost`"),
        ("clock", lambda: clock(time.time(), _set_up_at()), "Set it: `sudo timedatectl set-ntp true`"),
    ]
    rows: list[Check] = []
    for name, check, todo in checks:
        try:
            finding = check()
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            finding = Finding(ok=False, found=f"{type(error).__name__}: {error}")
        rows.append(
            {"check": name, "ok": finding.ok, "found": finding.found, "todo": "" if finding.ok else finding.todo or todo}
        )
    return rows


class Engine(NamedTuple):
    """A running emulator of this repository: its process, its home, and whether the record of that home names it."""

    pid: int
    home: str
    is_recorded: bool


def emulators(found: list[Engine], silent: process.Running | None) -> Finding:
    """Return whether each running emulator has a record, by which `orderctl down` stops it. `silent` does not answer."""
    stale = [engine for engine in found if not engine.is_recorded]
    if stale:
        pids = " ".join(str(engine.pid) for engine in stale)
        return Finding(ok=False, found=f"left running without a record: process {pids}", todo=f"`kill {pids}`")
    if silent is not None:
        return Finding(ok=False, found=f"process {silent.pid} does not answer at {silent.endpoint}")
    return Finding(ok=True, found=f"{len(found)} running" if found else "not running")


def disk(free: int) -> Finding:
    """Return whether the bytes that are free suffice for a deployment and its logs."""
    return Finding(ok=free >= DISK_BYTES, found=f"{free / 1e9:.1f} GB free of {DISK_BYTES / 1e9:g} GB needed")


def proxy(environ: Mapping[str, str]) -> Finding:
    """Return whether programs on this machine reach the laptop's AWS in spite of a proxy. `orderctl` itself always does."""
    used = [name for name in PROXIES if environ.get(name)]
    spared = {host.strip() for name in ("NO_PROXY", "no_proxy") for host in environ.get(name, "").split(",")}
    if not used:
        return Finding(ok=True, found="none")
    if "*" in spared or "127.0.0.1" in spared:
        return Finding(ok=True, found=f"{used[0]} is set, and NO_PROXY spares 127.0.0.1")
    return Finding(ok=False, found=f"{used[0]} is set, and NO_PROXY does not spare 127.0.0.1")


def clock(now: float, set_up_at: float) -> Finding:
    """Return whether the clock is later than the set-up of this folder, both in seconds of the epoch.

    AWS refuses a request whose clock is five minutes off.
    """
    said = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if now + CLOCK_SECONDS >= set_up_at:
        return Finding(ok=True, found=said)
    return Finding(ok=False, found=f"{said} is before the set-up of this folder")


def _python() -> Finding:
    return Finding(sys.version_info >= (3, 11), sys.version.split()[0])


def _environment() -> Finding:
    venv = REPOSITORY / ".venv"
    return Finding(Path(sys.prefix).resolve() == venv.resolve(), sys.prefix)


def _engine() -> Finding:
    wanted = re.search(r"^ministack==(\S+)", (REPOSITORY / "requirements" / "embedded.in").read_text(), re.MULTILINE)
    if not process.PYTHON.exists():
        return Finding(ok=False, found="missing")
    found = _says([str(process.PYTHON), "-c", "from importlib.metadata import version; print(version('ministack'))"])
    return Finding(wanted is not None and found == wanted[1], f"ministack {found}")


def _node() -> Finding:
    version = _says([str(REPOSITORY / ".venv" / "lib" / "node" / "bin" / "node"), "--version"])
    return Finding(int(version.removeprefix("v").split(".")[0]) >= 22, version)


def _cdk() -> Finding:
    wanted = json.loads((REPOSITORY / "package.json").read_text())
    pinned = (wanted.get("dependencies", {}) | wanted.get("devDependencies", {})).get("aws-cdk")
    environment = _cdk_environment()
    version = _says([str(cdk_cli.CDK), "--version"], environment).split()[0]
    return Finding(version == pinned, f"{version} (pinned {pinned})")


def _uv() -> Finding:
    return Finding(ok=True, found=_says([str(REPOSITORY / ".venv" / "bin" / "uv"), "--version"]))


def _curl() -> Finding:
    version = _says(["curl", "--version"]).split()[1]
    return Finding([int(part) for part in re.findall(r"[0-9]+", version)[:2]] >= CURL, version)


def _port() -> Finding:
    record = process.running()
    if record is not None:
        return Finding(ok=True, found=f"{record.port}: the laptop's AWS, running")
    if process.port_taken(process.USUAL_PORT):
        return Finding(ok=True, found=f"{process.USUAL_PORT} is in use by another process; `orderctl up` takes another port")
    return Finding(ok=True, found=f"{process.USUAL_PORT} is free")


def _home() -> Finding:
    folder = process.home()
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".probe"
    probe.touch()
    probe.unlink()
    return Finding(ok=True, found=str(folder))


def engines() -> list[Engine]:
    """Return the emulators of this repository that have run for a while: one that starts has no record yet.

    An emulator keeps its TMPDIR in its home.
    """
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(process.LAUNCHER) in one.cmdline() and time.time() - one.create_time() > process.START_DEADLINE_SECONDS:
                home = Path(one.environ()["TMPDIR"]).parent
                found.append(Engine(one.pid, str(home), process.recorded_pid(home) == one.pid))
    return found


def _silent() -> process.Running | None:
    """Return the emulator of this home if it runs and does not answer."""
    running = process.running()
    if running is None or process.healthy(running.endpoint, timeout_seconds=_PATIENCE_SECONDS):
        return None
    return running


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(next(parent for parent in (folder, *folder.parents) if parent.exists())).free


def _set_up_at() -> float:
    """Return when `make setup` ended here, in seconds of the epoch."""
    return (REPOSITORY / ".venv" / ".ready").stat().st_mtime


def _says(command: list[str], environment: dict[str, str] | None = None) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=True, env=environment)
    return answer.stdout.strip()


def _cdk_environment() -> dict[str, str]:
    """Return the CDK's environment without access to AWS: it only prints its version."""
    return cdk_cli.Cdk(Target(endpoint_url="http://127.0.0.1:9"), process.home() / "logs" / "doctor.log").environment()
