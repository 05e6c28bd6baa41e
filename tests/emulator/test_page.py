"""The page that `orderctl up` serves, as a process: started once, replaced, ended."""

import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from laptop import page
from laptop.emulator import process
from orderctl.commands.lifecycle import console_command


def command(address: str, then: str = "import time; time.sleep(600)") -> list[str]:
    return [sys.executable, "-c", f"print({address!r}, flush=True); {then}"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    yield tmp_path
    page.stop()


def test_page_runs_once_until_it_is_stopped() -> None:
    first = page.serve(command("http://127.0.0.1:1"))
    assert first is not None
    assert first.address == "http://127.0.0.1:1"
    assert page.serve(command("http://127.0.0.1:1")) == first == page.running()
    page.stop()
    assert page.running() is None
    assert process.living(first.pid, first.created) is None


def test_page_of_another_stage_replaces_the_running_one() -> None:
    first = page.serve(command("http://127.0.0.1:1"))
    second = page.serve(command("http://127.0.0.1:2"))
    assert first is not None
    assert process.living(first.pid, first.created) is None
    assert page.running() == second


def test_page_that_ends_at_once_is_none_and_leaves_its_log() -> None:
    assert page.serve(command("Error: no port", "raise SystemExit(1)")) is None
    assert page.running() is None
    assert page.log().read_text() == "Error: no port\n"


def test_command_of_up_serves_the_page() -> None:
    served = page.serve(console_command("http://127.0.0.1:1", "dev"))
    assert served is not None, page.log().read_text()
    with urlopen(served.address, timeout=30) as answer:
        assert "Orderflow" in answer.read().decode()


@pytest.mark.parametrize("record", ["", "[]", '{"pid": 1}'])
def test_record_that_cannot_be_read_is_no_page(home: Path, record: str) -> None:
    (home / "page.json").write_text(record)
    assert page.running() is None
    page.stop()
    assert not (home / "page.json").exists()
