"""A foreign HTTP API on loopback, for the duration of a test."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread
from typing import Any, Protocol

from urllib3 import HTTPHeaderDict

Answer = tuple[int, Any] | tuple[int, Any, Mapping[str, str]]
"""The status, the JSON body, and further headers."""


class Api(Protocol):
    """An API that answers. `url` is set once it is served."""

    url: str

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Answer | None:
        """Return the response, or None if the caller gets none."""
        ...


DEADLINE_SECONDS = 10.0
"""For each thing that the server waits for, so that a lost connection ends a test and hangs none."""


class Server(ThreadingHTTPServer):
    """A server that asks no name server for the name of its address, and accepts no connection that is gone already."""

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.socket.settimeout(DEADLINE_SECONDS)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])


@contextmanager
def serving(api: Api) -> Iterator[None]:
    """Let the API answer at `api.url`."""

    class Handler(BaseHTTPRequestHandler):
        timeout = DEADLINE_SECONDS

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            answer = api.answer(self.command, self.path, HTTPHeaderDict(self.headers.items()), body)
            if answer is None:
                self.close_connection = True
                return
            status, said, *headers = answer
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            for name, value in headers[0].items() if headers else ():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = respond  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing into a test's output."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(DEADLINE_SECONDS)
