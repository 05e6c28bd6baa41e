"""The requests to an API: whatever an id holds and however the answer ends, the operator gets no traceback."""

import socketserver
import threading
from collections.abc import Iterator

import pytest

from operations.aws import service_client, signed_http
from operations.aws.signed_http import NoAnswerError
from operations.aws.target import Kind, Target
from operations.errors import UserError


class Server(socketserver.TCPServer):
    """Gives each request the same bytes, and keeps the request lines."""

    allow_reuse_address = True
    answer = b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Once)
        self.lines: list[str] = []


class Once(socketserver.StreamRequestHandler):
    """One request."""

    server: Server

    def handle(self) -> None:
        self.server.lines.append(self.rfile.readline().decode())
        while self.rfile.readline().strip():
            pass
        self.wfile.write(self.server.answer)


class AllAtOne(Target):
    """A laptop whose APIs are all at its own address."""

    def parameter(self, name: str) -> str:
        return str(self.endpoint_url)


@pytest.fixture
def server(loopback: None) -> Iterator[Server]:
    with Server() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def target(server: Server) -> Target:
    return AllAtOne(Kind.LAPTOP, f"http://127.0.0.1:{server.server_address[1]}")


@pytest.mark.parametrize(
    ("sku", "sent"),
    [
        ("MUG BLUE", "MUG%20BLUE"),
        ("MUG\nBLUE", "MUG%0ABLUE"),
        ("MÜG", "M%C3%9CG"),
        ("MUG?x=1#y", "MUG%3Fx%3D1%23y"),
        ("MUG\udcff", "MUG%3F"),
    ],
)
def test_id_with_any_characters_is_sent(server: Server, target: Target, sku: str, sent: str) -> None:
    server.answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    assert service_client.inventory_api(target, "GET", f"/stock/{sku}").status == 404
    assert server.lines == [f"GET /stock/{sent} HTTP/1.1\r\n"]


@pytest.mark.parametrize("key", ["k\u00e9y", "key\n", "\u9375", "a\x00b"])
def test_header_that_http_cannot_carry_is_refused(server: Server, target: Target, key: str) -> None:
    with pytest.raises(UserError, match="The header Idempotency-Key cannot be sent"):
        service_client.order_api(target, "POST", "/orders", {}, {"Idempotency-Key": key})
    assert server.lines == []


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_answer_that_breaks_off_is_no_answer(server: Server, target: Target, answer: bytes) -> None:
    server.answer = answer
    with pytest.raises(NoAnswerError, match="No answer from 127"):
        signed_http.call(target, "POST", f"{target.endpoint_url}/orders", {})
