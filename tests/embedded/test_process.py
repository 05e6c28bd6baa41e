"""The laptop's AWS as a process: found, ended, kept, and never confused with another."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from orderctl.embedded import process
from orderctl.errors import UserError
from orderctl.target import Target


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    yield tmp_path
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    process.stop()


def record_of(pid: int, created: float) -> process.Running:
    return process.Running(pid, created, 1, "http://127.0.0.1:1", "dev", "2026-01-01T00:00:00+00:00", "log")


def test_a_pid_that_belongs_to_somebody_else_by_now_is_not_ours(home: Path) -> None:
    own = psutil.Process()
    process.remember(record_of(own.pid, own.create_time() - 100))
    assert process.running() is None
    assert process.stop() is None
    assert not process.record_path().exists()


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', "[]"])
def test_a_broken_record_is_no_record(home: Path, text: str) -> None:
    process.record_path().write_text(text)
    assert process.running() is None


def test_a_taken_port_is_said_to_be_taken(home: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(UserError, match="is taken"):
            process.start(port=listener.getsockname()[1])
    assert process.running() is None


def test_one_bring_up_at_a_time(home: Path) -> None:
    with process.alone(), pytest.raises(UserError, match="at work"), process.alone():
        pass
    with process.alone():
        pass


@pytest.mark.system
def test_what_is_kept_is_there_after_a_restart_on_the_same_port(home: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first = process.start(port=process.free_port(), persist=kept)
    assert process.healthy(first.endpoint)
    assert {c.laddr.ip for c in psutil.Process(first.pid).net_connections() if c.status == "LISTEN"} == {"127.0.0.1"}
    with pytest.raises(UserError, match="already runs"):
        process.start()
    Target().at(first.endpoint).client("sqs").create_queue(QueueName="kept")
    assert process.stop() == first
    assert not psutil.pid_exists(first.pid)

    second = process.start(persist=kept)
    assert (second.port, second.pid != first.pid) == (first.port, True)
    assert Target().at(second.endpoint).client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
    assert json.loads(process.record_path().read_text())["pid"] == second.pid
