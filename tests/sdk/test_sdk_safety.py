"""The requests that each client really sends when the network or the service fails, counted on a loopback server."""

import ast
import json
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from kernel.clients import Clients
from tests.sdk.repeats import REPEATS

REPOSITORY = Path(__file__).parents[2]
FAILURES = ("time-out", "reset", "500", "throttle")
ARGUMENTS: dict[str, dict[str, Any]] = {
    "get_item": {"TableName": "t", "Key": {"pk": {"S": "1"}}},
    "batch_get_item": {"RequestItems": {"t": {"Keys": [{"pk": {"S": "1"}}]}}},
    "query": {"TableName": "t", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "1"}}},
    "scan": {"TableName": "t"},
    "update_item": {"TableName": "t", "Key": {"pk": {"S": "1"}}},
    "put_item": {"TableName": "t", "Item": {"pk": {"S": "1"}}},
    "delete_item": {"TableName": "t", "Key": {"pk": {"S": "1"}}},
    "transact_write_items": {"TransactItems": [{"Put": {"TableName": "t", "Item": {"pk": {"S": "1"}}}}]},
    "put_events": {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]},
    "send_message": {"QueueUrl": "http://localhost/q", "MessageBody": "m"},
    "change_message_visibility": {"QueueUrl": "http://localhost/q", "ReceiptHandle": "r", "VisibilityTimeout": 5},
    "invoke": {"FunctionName": "f"},
    "send_email": {"Content": {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}},
    "start_sync_execution": {"stateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:m"},
    "start_execution": {"stateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:m"},
}


class FailingService:
    """A server on loopback that fails each request in one way, and counts them."""

    def __init__(self, failure: str) -> None:
        self.failure = failure
        self.received = 0
        self.closing = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def close(self) -> None:
        self.closing.set()
        self.listener.close()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while _read_request(connection):
                self.received += 1
                if self.failure == "time-out":
                    self.closing.wait()
                    return
                if self.failure == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                status = "500 Internal Server Error" if self.failure == "500" else "400 Bad Request"
                code = "InternalServerError" if self.failure == "500" else "ThrottlingException"
                body = json.dumps({"__type": code, "message": self.failure}).encode()
                head = f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body)


def _read_request(connection: socket.socket) -> bool:
    received = b""
    while b"\r\n\r\n" not in received:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:  # the client has had enough
            return False
        if not part:
            return False
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    missing = int(lengths[0]) - len(body) if lengths else 0
    while missing > 0:
        missing -= len(connection.recv(65536))
    return True


@contextmanager
def failing(failure: str) -> Iterator[FailingService]:
    service = FailingService(failure)
    try:
        yield service
    finally:
        service.close()


def fresh_client(name: str) -> Any:
    """Return a new client of the kernel, by its name in `Clients`."""
    found = getattr(Clients(), name)
    return found(1.0) if name == "workflows" else found


def client_of(operation: str, endpoint: str) -> Any:
    """Return the kernel's own client, with its own configuration, for `endpoint`."""
    made = fresh_client(REPEATS[operation].client)
    made.meta.events.register("before-sign", lambda request, **_: setattr(request, "url", _moved(request.url, endpoint)))
    return made


def _moved(url: str, endpoint: str) -> str:
    return endpoint + "/" + url.split("://", 1)[1].partition("/")[2]


def requests_sent(operation: str, failure: str) -> int:
    with failing(failure) as service:
        client = client_of(operation, service.url)
        with pytest.raises((BotoCoreError, ClientError)):
            getattr(client, operation)(**ARGUMENTS[operation])
        return service.received


@pytest.fixture
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_MAX_ATTEMPTS": "10",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)


@pytest.mark.parametrize("failure", FAILURES)
def test_no_call_is_sent_more_often_than_the_table_says(loopback_only: None, failure: str) -> None:
    with ThreadPoolExecutor(len(REPEATS)) as pool:
        counted = dict(zip(REPEATS, pool.map(lambda operation: requests_sent(operation, failure), REPEATS), strict=True))
    assert counted == {operation: repeat.at_most for operation, repeat in REPEATS.items()}


def test_the_table_names_the_calls_that_the_source_makes(loopback_only: None) -> None:
    assert calls_in_source() == set(REPEATS)


def calls_in_source() -> set[str]:
    """Every attribute call in the functions' source that is an operation of one of their clients."""
    operations = set()
    for name in {repeat.client for repeat in REPEATS.values()}:
        operations |= set(fresh_client(name).meta.method_to_api_mapping)
    called = set()
    for path in (*REPOSITORY.glob("kernel/**/*.py"), *REPOSITORY.glob("services/**/*.py")):
        if path.name == "infrastructure.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called.add(node.func.attr)
    return called & operations
