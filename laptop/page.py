"""The process of the operator's page: `orderctl up` starts it beside the laptop's AWS, `orderctl down` ends it."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from kernel import outside_json
from kernel.outside_json import OutsideJsonError
from laptop.emulator import process
from operations.polling import wait_for

START_DEADLINE_SECONDS = 30.0
STOP_DEADLINE_SECONDS = 3.0


@dataclass(frozen=True)
class Page:
    """The record of the process, the address at which it serves, and the command that it runs."""

    pid: int
    created: float
    address: str
    command: list[str]


def log() -> Path:
    """Return the file to which the process prints; its first line is the address."""
    return process.home() / "logs" / "page.log"


def running() -> Page | None:
    """Return the page of this home if its process lives."""
    try:
        page = Page(**outside_json.read_object(_record().read_bytes()))
    except (FileNotFoundError, OutsideJsonError, TypeError):
        return None
    return page if process.living(page.pid, page.created) else None


def serve(command: Sequence[str]) -> Page | None:
    """Return the page that runs this command, started if it does not run. Another page of this home is stopped.

    The command must print its address first. Return None if it does not do so within 30 s.
    """
    page = running()
    if page is not None and page.command == list(command):
        return page
    stop()
    log().parent.mkdir(parents=True, exist_ok=True)
    with log().open("wb") as stream:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )

    def look() -> tuple[bool, str]:
        ended = child.poll() is not None
        first, line_end, _ = log().read_text(errors="replace").partition("\n")
        return ended, first if line_end and first.startswith("http://") else ""

    ended, address = wait_for(look, any, START_DEADLINE_SECONDS, every_seconds=0.1)
    if ended or not address:
        child.kill()
        return None
    page = Page(child.pid, psutil.Process(child.pid).create_time(), address, list(command))
    _record().write_text(json.dumps(asdict(page), indent=2) + "\n")
    return page


def stop() -> None:
    """Stop the page of this home, if it runs."""
    page = running()
    served = process.living(page.pid, page.created) if page else None
    if served is not None:
        served.terminate()
        _, alive = psutil.wait_procs([served], timeout=STOP_DEADLINE_SECONDS)
        for left in alive:
            left.kill()
    _record().unlink(missing_ok=True)


def _record() -> Path:
    return process.home() / "page.json"
