"""The first call of DynamoDB after a simulated restore: a child process begins with the memory of one that has imported all.

It measures CPU time, so it is a ratio of two figures of one run.
"""

import http.server
import statistics
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from tests.benchmarks.cold_start.process import Start

FIRST_CALLS = """
import os, statistics
if not {primed}:
    del os.environ["AWS_LAMBDA_FUNCTION_NAME"]  # so that the import makes no clients
import services.order.functions.commands
from kernel import snap_start
from kernel.clients import Clients
clients = Clients()
if {primed}:
    snap_start.prime(clients.dynamodb, "table", "ORDER#snapshot")
taken = []
for _ in range(9):
    child = os.fork()
    if not child:
        clients.dynamodb.get_item(TableName="table", Key={{"pk": {{"S": "ORDER#1"}}}})
        os._exit(0)
    _, status, usage = os.wait4(child, 0)
    assert status == 0
    taken.append((usage.ru_utime + usage.ru_stime) * 1000)
print(statistics.median(taken))
"""


class EmptyTable(http.server.BaseHTTPRequestHandler):
    """DynamoDB that has no row."""

    def do_POST(self) -> None:
        """Answer GetItem."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def empty_table() -> Iterator[str]:
    """Serve the table on this machine, and yield its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), EmptyTable)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def first_call_milliseconds(start: Start, *, primed: bool) -> float:
    """Return the median CPU time of the first call after a restore, in the place and with the variables of `start`."""
    with empty_table() as address:
        calls = replace(
            start, code=FIRST_CALLS.format(primed=primed), variables={**start.variables, "AWS_ENDPOINT_URL": address}
        )
        done = subprocess.run(calls.command, env=calls.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return float(done.stdout)


def ratio(start: Start, runs: int = 3) -> float:
    """Return the CPU time of a primed first call, relative to one for which nothing was made: the median of some runs."""
    found = []
    for _ in range(runs):
        unprimed, primed = (first_call_milliseconds(start, primed=each) for each in (False, True))
        found.append(primed / unprimed)
    return statistics.median(found)
