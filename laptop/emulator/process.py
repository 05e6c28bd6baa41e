"""The process of the laptop's AWS: start, find and stop it.

Everything it keeps is under one folder, `home()`: the record of the running process, logs, function code. Two folders
are two independent AWSs; a test or a demo takes its own by setting ORDERFLOW_HOME.
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from operations.errors import UserError
from operations.log_file import last_lines
from operations.polling import wait_for
from operations.repository import REPOSITORY

LAUNCHER = Path(__file__).with_name("launcher.py")
PYTHON = REPOSITORY / ".venv-embedded" / "bin" / "python"
USUAL_PORT = 4566
START_DEADLINE_SECONDS = 30.0
STOP_DEADLINE_SECONDS = 3.0
START_ATTEMPTS = 5
# A graceful stop writes the state of every service; a forced stop loses all of it.
SAVE_DEADLINE_SECONDS = 30.0


IAM_VARIABLE: Final = "ORDERFLOW_IAM"
"""Set to anything, it lets a laptop AWS evaluate the policies of its callers."""


class PortLostError(Exception):
    """A port that another process took between the check and the engine's start."""


@dataclass(frozen=True)
class Running:
    """The record of the running laptop AWS. `orderctl up` adds the deployment."""

    pid: int
    # The start time of the process, because another process may have the same pid later.
    created: float
    port: int
    endpoint: str
    stage: str
    started_at: str
    log: str
    persist: str | None = None
    # The last deployment: a digest of each stack's template and assets, and the outputs of the stacks.
    assembly: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)


DEFAULT_HOME: Final = REPOSITORY / ".orderflow"


def home() -> Path:
    """Return the folder of this laptop AWS: ORDERFLOW_HOME, else `.orderflow` in the repository."""
    return Path(os.environ.get("ORDERFLOW_HOME") or DEFAULT_HOME).resolve()


@contextlib.contextmanager
def home_at(folder: Path) -> Iterator[None]:
    """Have the laptop AWS of this process in `folder` during the block, also for the commands that it starts."""
    before = os.environ.get("ORDERFLOW_HOME")
    os.environ["ORDERFLOW_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ORDERFLOW_HOME"]
        else:
            os.environ["ORDERFLOW_HOME"] = before


def record_path() -> Path:
    return home() / "laptop.json"


def running() -> Running | None:
    """Return the laptop AWS of `home()` if its process lives. Remove the record of a dead one."""
    try:
        record = Running(**json.loads(record_path().read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        record_path().unlink(missing_ok=True)
        return None
    if living(record.pid, record.created) is None:
        record_path().unlink(missing_ok=True)
        return None
    return record


def recorded_pid(folder: Path) -> int | None:
    """Return the process that the record of another home names, or None."""
    try:
        return int(json.loads((folder / "laptop.json").read_text())["pid"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


@contextlib.contextmanager
def exclusive_lock() -> Iterator[None]:
    """Lock this laptop AWS during a bring-up. Raises UserError if another `orderctl up` holds the lock of the same home."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                "Another `orderctl up` is running here.", "Wait for it to end, or set another ORDERFLOW_HOME."
            ) from error
        yield


def exported_endpoint() -> str | None:
    """Return the AWS endpoint that the user's own environment names, or None."""
    return os.environ.get("AWS_ENDPOINT_URL") or None


def save_record(record: Running) -> Running:
    """Write the record atomically, and return it."""
    path = record_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps(asdict(record), indent=2) + "\n")
    draft.replace(path)
    return record


def start(
    *,
    stage: str = "dev",
    port: int | None = None,
    persist: Path | None = None,
    environment: Mapping[str, str] | None = None,
    extensions: bool = True,
) -> Running:
    """Start the laptop AWS and return its record when it answers.

    `port` must be free if given; else the usual one is taken, or any. `environment` adds variables for the engine.
    `extensions=False` starts the engine as it is, which only the tests of the extensions want.
    """
    already = running()
    if already is not None:
        raise UserError(
            f"The laptop's AWS is already running at {already.endpoint} (pid {already.pid}).", "Stop it with `orderctl down`."
        )
    if not PYTHON.exists():
        raise UserError("The environment of the laptop's AWS is missing (.venv-embedded).", "Create it with `make setup`.")
    folder = home()
    # The unpacked bundles of functions: a forced stop leaves them behind.
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    for name in ("logs", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    log = folder / "logs" / "aws.log"
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    for attempt in range(START_ATTEMPTS):
        chosen = _choose_port(port, persist)
        try:
            return _started(chosen, stage, folder, log, persist, environment or {}, extensions=extensions)
        except PortLostError as lost:
            if port is not None or persist is not None or attempt + 1 == START_ATTEMPTS:
                raise UserError(f"Another process has taken port {chosen}.", "Run `orderctl up` again.") from lost
    raise AssertionError("every attempt returns or raises")


def _started(
    chosen: int, stage: str, folder: Path, log: Path, persist: Path | None, environment: Mapping[str, str], *, extensions: bool
) -> Running:
    """Start the engine on a port that was free a moment ago. Raises PortLostError if another process took it."""
    command = [str(PYTHON), str(LAUNCHER), *([] if extensions else ["--plain"])]
    with log.open("ab") as stream:
        child = subprocess.Popen(
            command,
            cwd=folder / "tmp",
            env=_engine_environment(folder, chosen, persist) | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    endpoint = f"http://127.0.0.1:{chosen}"
    record = Running(
        pid=child.pid,
        created=psutil.Process(child.pid).create_time(),
        port=chosen,
        endpoint=endpoint,
        stage=stage,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        log=str(log),
        persist=str(persist.resolve()) if persist else None,
    )
    save_record(record)
    try:
        _wait_until_healthy(child, chosen, endpoint, log)
    except BaseException:
        stop()
        raise
    return record


def becomes_ready(record: Running) -> bool:
    """Return True if the recorded engine answers within its start deadline: its `orderctl up` may have been killed."""

    def state() -> tuple[bool, bool]:
        is_alive = living(record.pid, record.created) is not None
        return is_alive, is_alive and listens(record.pid, record.port) and healthy(record.endpoint)

    _, is_ready = wait_for(state, lambda seen: not seen[0] or seen[1], START_DEADLINE_SECONDS, every_seconds=0.1)
    return is_ready


def stop() -> Running | None:
    """Stop the running laptop AWS with its child processes. Return its record, or None if it did not run."""
    record = running()
    if record is None:
        return None
    process = living(record.pid, record.created)
    if process is not None:
        family = [process, *process.children(recursive=True)]
        process.terminate()
        patience = SAVE_DEADLINE_SECONDS if record.persist else STOP_DEADLINE_SECONDS
        psutil.wait_procs([process], timeout=patience)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=STOP_DEADLINE_SECONDS)
    record_path().unlink(missing_ok=True)
    shutil.rmtree(home() / "tmp", ignore_errors=True)
    return record


def living(pid: int, created: float) -> psutil.Process | None:
    """Return the process of this id and start time, or None if it has ended or is a zombie."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def healthy(endpoint: str, *, timeout_seconds: float = 2.0) -> bool:
    """Return True if an engine at `endpoint` is ready."""
    try:
        # The address is loopback, so the request must not use a proxy.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{endpoint}/_ministack/ready", timeout=timeout_seconds) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_taken(port: int) -> bool:
    """Return True if a process listens on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _choose_port(wanted: int | None, persist: Path | None) -> int:
    # The kept data has the port in its addresses (of HTTP APIs and queues), so the port must stay the same.
    kept = persist / "port" if persist else None
    before = int(kept.read_text()) if kept and kept.exists() else None
    if before is not None and wanted not in (None, before):
        raise UserError(f"The data in {persist} belongs to port {before}.", "Leave --port out.")
    wanted = wanted or before
    if wanted is not None and port_taken(wanted):
        hint = (
            f"Stop the process that listens on it: the data in {persist} belongs to this port."
            if before
            else "Leave --port out to let a free one be chosen."
        )
        raise UserError(f"Port {wanted} is taken.", hint)
    chosen = wanted or (free_port() if port_taken(USUAL_PORT) else USUAL_PORT)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"{chosen}\n")
    return chosen


def _engine_environment(folder: Path, port: int, persist: Path | None) -> dict[str, str]:
    """Return the engine's environment without the user's AWS settings, proxies and Python paths."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER") if name in os.environ}
    environment = {
        **kept,
        "PYTHONUNBUFFERED": "1",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "TMPDIR": str(folder / "tmp"),
        # Orderflow does not use these listeners, and a second emulator would need the same ports.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
        **({"AUTH": "true"} if os.environ.get(IAM_VARIABLE) else {}),
    }
    if persist is not None:
        where = persist.resolve()
        environment |= {
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(where / "state"),
            "S3_DATA_DIR": str(where / "s3"),
        }
    return environment


def listens(pid: int, port: int) -> bool:
    """Return True if the process or one of its children listens on this port."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        open_sockets = [socket for member in family for socket in member.net_connections(kind="tcp")]
    except psutil.Error:  # one of them ended meanwhile
        return False
    return any(socket.status == psutil.CONN_LISTEN and socket.laddr.port == port for socket in open_sockets)


def _wait_until_healthy(child: "subprocess.Popen[bytes]", port: int, endpoint: str, log: Path) -> None:
    """Wait until this child answers at the endpoint. Another process may answer there if it took the port first."""

    def is_ready() -> bool:
        if child.poll() is None:
            return listens(child.pid, port) and healthy(endpoint) and child.poll() is None
        if port_taken(port):
            raise PortLostError(port)
        raise UserError(f"The laptop's AWS ended during its start (code {child.returncode}).", _tail(log))

    if not wait_for(is_ready, bool, START_DEADLINE_SECONDS, every_seconds=0.1):
        raise UserError(f"The laptop's AWS did not answer within {START_DEADLINE_SECONDS:g} s.", _tail(log))


def _tail(log: Path) -> str:
    return f"See its log, {log}. The last lines:\n{last_lines(log)}"
