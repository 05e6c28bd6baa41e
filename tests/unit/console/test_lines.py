"""Answers line by line: lines that arrive while the work goes on, its trouble, and a reader that leaves."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from botocore.exceptions import NoCredentialsError

from tests.support.console_stage import ConsoleStage
from tests.support.held_queues import PATIENCE_SECONDS, Gate
from tests.support.polling import eventually
from tests.support.served_console import TOKEN, served
from tests.unit.orderctl.test_redrives import GOOD

pytestmark = pytest.mark.usefixtures("loopback")
MESSAGES = 1000
DONE = 100
QUEUE = "order/intake"


@pytest.fixture
def stage() -> ConsoleStage:
    """Bury many messages."""
    made = ConsoleStage()
    for number in range(MESSAGES):
        made.queues.bury(QUEUE, json.dumps({**GOOD, "id": str(number)}))
    return made


@pytest.fixture
def gate(stage: ConsoleStage) -> Iterator[Gate]:
    """Stop the work at the message number `DONE`, until the test opens the gate."""
    stage.queues.gate = Gate(f"message-{DONE}")
    yield stage.queues.gate
    stage.queues.gate.opened.set()


@contextmanager
def asked(address: str, action: str) -> Iterator[HTTPResponse]:
    """Ask for an action on all messages, and yield the answer as it arrives. The connection ends with the block."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", f"/api/dead-letters/{QUEUE}/{action}", b'{"all": true}', {"X-Orderflow-Token": TOKEN})
        yield connection.getresponse()
    finally:
        connection.close()


def outcomes(texts: Iterable[bytes]) -> list[str]:
    """Return what the lines say became of the messages."""
    return [json.loads(text)["outcome"] for text in texts]


@pytest.mark.parametrize(("action", "outcome"), [("redrive", "redriven"), ("drop", "dropped")])
def test_each_message_is_a_line_as_soon_as_it_is_done(
    stage: ConsoleStage, gate: Gate, tmp_path: Path, action: str, outcome: str
) -> None:
    with served(stage, folder=tmp_path) as address, asked(address, action) as answer:
        first = [answer.readline() for _ in range(DONE)]
        assert outcomes(first) == [outcome] * len(first)
        with urlopen(f"{address}/api/dead-letters", timeout=PATIENCE_SECONDS) as other:
            assert other.status == 200
        gate.opened.set()
        rest = answer.readlines()
    assert outcomes(rest) == [outcome] * (MESSAGES - len(first))
    assert stage.queues.bodies(f"{QUEUE}-dlq-url") == []


def test_work_ends_when_its_reader_leaves_and_the_other_messages_stay(stage: ConsoleStage, gate: Gate) -> None:
    with served(stage) as address:
        with asked(address, "redrive") as answer:
            answer.readline()
            assert gate.reached.wait(PATIENCE_SECONDS)
        with urlopen(f"{address}/api/stage", timeout=PATIENCE_SECONDS) as other:  # so that the server has seen it leave
            assert other.status == 200
        gate.opened.set()

        eventually(
            lambda: not stage.queues.hidden(f"{QUEUE}-dlq-url"), PATIENCE_SECONDS, "the other messages are visible again"
        )
        redriven = len(stage.queues.bodies(f"{QUEUE}-queue-url"))
        left = len(stage.queues.bodies(f"{QUEUE}-dlq-url"))
    assert redriven + left == MESSAGES
    assert DONE < redriven <= DONE + 1


def test_trouble_in_the_middle_is_the_last_line(stage: ConsoleStage, gate: Gate) -> None:
    gate.fault = NoCredentialsError()
    gate.opened.set()
    with served(stage) as address, asked(address, "redrive") as answer:
        *done, last = answer.readlines()
    assert len(done) == DONE
    assert json.loads(last)["trouble"]["message"] == "Unable to locate credentials"


def test_trouble_before_the_first_line_is_an_error(stage: ConsoleStage) -> None:
    with served(stage) as address:
        connection = HTTPConnection(urlsplit(address).netloc, timeout=PATIENCE_SECONDS)
        connection.request("POST", "/api/dead-letters/nowhere/redrive", b'{"all": true}', {"X-Orderflow-Token": TOKEN})
        answer = connection.getresponse()
        assert answer.status == 400
        assert json.loads(answer.read())["message"] == "There is no dead-letter queue nowhere."
        connection.close()
