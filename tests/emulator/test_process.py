"""The laptop's AWS as a process: found, ended, kept, and never confused with another."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from laptop.emulator import process
from operations.aws.target import Target
from operations.errors import UserError
from operations.repository import REPOSITORY


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    yield tmp_path
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    process.stop()


def record_of(pid: int, created: float) -> process.Running:
    return process.Running(pid, created, 1, "http://127.0.0.1:1", "dev", "2026-01-01T00:00:00+00:00", "log")


def test_reused_pid_of_another_process_is_not_ours(home: Path) -> None:
    own = psutil.Process()
    process.save_record(record_of(own.pid, own.create_time() - 100))
    assert process.running() is None
    assert process.stop() is None
    assert not process.record_path().exists()


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', "[]"])
def test_corrupt_record_counts_as_missing(home: Path, text: str) -> None:
    process.record_path().write_text(text)
    assert process.running() is None


def test_taken_port_is_refused(home: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(UserError, match="is taken"):
            process.start(port=listener.getsockname()[1])
    assert process.running() is None


def test_second_concurrent_bring_up_is_refused(home: Path) -> None:
    with process.exclusive_lock(), pytest.raises(UserError, match="is running here"), process.exclusive_lock():
        pass
    with process.exclusive_lock():
        pass


STARTING = """
import sys
from laptop.emulator import process
process.USUAL_PORT = int(sys.argv[1])
record = process.start()
print(record.pid, record.port)
"""


@pytest.mark.system
def test_engines_that_start_at_once_get_a_port_each(tmp_path: Path) -> None:
    port = str(process.free_port())
    homes = [tmp_path / name for name in ("one", "two", "three")]
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", STARTING, port],
            cwd=REPOSITORY,
            env={**os.environ, "ORDERFLOW_HOME": str(home)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for home in homes
    ]
    try:
        started = [tuple(map(int, each.communicate(timeout=120)[0].split())) for each in starting]
        assert len({port for _, port in started}) == 3
        assert [process.listens(pid, port) for pid, port in started] == [True] * 3
    finally:
        with pytest.MonkeyPatch.context() as monkeypatch:
            for home in homes:
                monkeypatch.setenv("ORDERFLOW_HOME", str(home))
                process.stop()


class Ready(BaseHTTPRequestHandler):
    """Answers every request as an engine that is ready."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Write nothing."""


def test_response_of_another_emulator_does_not_count(home: Path) -> None:
    """The child lost its port, and the process that has it answers as an engine does."""
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), Ready) as neighbour,
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"]) as child,
    ):
        threading.Thread(target=neighbour.serve_forever, daemon=True).start()
        port = neighbour.server_address[1]
        endpoint = f"http://127.0.0.1:{port}"
        assert process.healthy(endpoint)
        with pytest.raises(process.PortLostError):
            process._wait_until_healthy(child, port, endpoint, home / "log")
        neighbour.shutdown()


@pytest.mark.system
def test_persisted_data_survives_a_restart_on_the_same_port(home: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = process.start(port=process.free_port(), persist=kept)
    assert process.healthy(first.endpoint)
    assert {c.laddr.ip for c in psutil.Process(first.pid).net_connections() if c.status == "LISTEN"} == {"127.0.0.1"}
    with pytest.raises(UserError, match="already running"):
        process.start()
    Target().at(first.endpoint).client("sqs").create_queue(QueueName="kept")
    assert process.stop() == first
    assert not psutil.pid_exists(first.pid)

    second = process.start(persist=kept)
    assert (second.port, second.pid != first.pid) == (first.port, True)
    assert Target().at(second.endpoint).client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
    assert json.loads(process.record_path().read_text())["pid"] == second.pid
