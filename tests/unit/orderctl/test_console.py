"""`orderctl console`: the process that serves the page. It answers on this machine's loopback interface only."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.open_ports import listening
from tests.support.opened_addresses import NotingBrowser
from tests.support.polling import eventually

PATIENCE_SECONDS = 60
ELSEWHERE = ("--endpoint-url", "http://127.0.0.1:9")
"""An address at which no AWS answers: the page starts without one."""


@dataclass(frozen=True)
class Started:
    """The process, the address that it prints, and the browser."""

    pid: int
    address: str
    browser: NotingBrowser


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Serve the page on a free port, and open it."""
    browser = NotingBrowser(tmp_path_factory.mktemp("browser"))
    orderctl = Path(sys.executable).with_name("orderctl")
    command = [str(orderctl), *ELSEWHERE, "console", "--port", "0", "--open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=browser.environment) as process:
        assert process.stdout is not None
        yield Started(process.pid, process.stdout.readline().strip(), browser)
        process.terminate()


def test_page_is_opened_at_the_address_that_is_printed(started: Started) -> None:
    opened = eventually(started.browser.opened, PATIENCE_SECONDS, "the browser is started")
    assert opened == [started.address]


def test_page_listens_on_the_loopback_interface_only(started: Started) -> None:
    assert [f"http://{address}" for address in listening(started.pid)] == [started.address]
