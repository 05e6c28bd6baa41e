"""The operator's page, served on this machine for a test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import uvicorn

from console import server
from console.api import Console
from tests.support.console_stage import ConsoleStage

TOKEN: Final = "token-of-this-test"
RUN: Final = "run"


@contextmanager
def served(stage: ConsoleStage, *, actions: bool = True, run: str = RUN, port: int = 0) -> Iterator[str]:
    """Serve the page of a stage while the block runs, and yield its address. Its clock is the stage's."""

    def now() -> datetime:
        with stage.lock:
            return stage.stage_in_memory.now()

    listener = server.bound(port)
    port = listener.getsockname()[1]
    app = server.application(Console(stage, actions, TOKEN, run, now), frozenset({f"127.0.0.1:{port}"}))
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
