"""The operator's page, served on this machine for a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn

from console import server
from console.api import Console
from operations.aws.target import Target
from operations.orders import course
from tests.support.console_stage import NOW, ConsoleStage

TOKEN: Final = "token-of-this-test"
RUN: Final = "run"


@contextmanager
def served(
    target: Target, *, actions: bool = True, token: str = TOKEN, run: str = RUN, port: int = 0, folder: Path = Path()
) -> Iterator[str]:
    """Serve the page of a stage while the block runs, and yield its address. A stage in memory has no journal and no queue."""
    console = Console(target, actions, token, run, folder=folder)
    if isinstance(target, ConsoleStage):
        console = replace(
            console, read_course=partial(course.course, traced=target.traced), watch=target.watch, now=lambda: NOW
        )
    listener = server.bound(port)
    port = listener.getsockname()[1]
    app = server.application(console, frozenset({f"127.0.0.1:{port}"}))
    settings = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=server.GRACE_SECONDS)
    running = uvicorn.Server(settings)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield server.address(listener)
    finally:
        running.should_exit = True
        thread.join(10)
        listener.close()
