"""This process made ready to simulate: no AWS, no real sleep, no uuid of its own, and the functions' code imported last."""

import gc
import logging
import os
import random
import sys
import uuid
from collections.abc import Callable
from contextlib import redirect_stdout

from simulation.engine import sdk, wire
from simulation.engine.scheduler import Environ, install_environ


class LogSink:
    """The destination of logs and metrics: nowhere, or a reader that looks for forbidden content."""

    def __init__(self) -> None:
        self.read: Callable[[str], None] | None = None

    def write(self, text: str) -> int:
        """Write a piece of a log."""
        if self.read is not None:
            self.read(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: no text is buffered."""


SINK = LogSink()
_environ: Environ | None = None


def make_ready(
    packages: tuple[str, ...] = (), load: Callable[[], object] = lambda: None, *, with_botocore: bool = False
) -> Environ:
    """Make this process ready to simulate, once; return the environment that functions see.

    `load` imports the code of the functions, which is in `packages` and was not imported before. `with_botocore` chooses
    `wire` instead of `sdk`.
    """
    global _environ
    if _environ is not None:
        return _environ
    early = [name for name in sys.modules if _is_in(packages, name)]
    assert not early, f"{early[0]} is imported already: simulate in a process of its own"
    os.environ.update(
        {
            "AWS_ACCESS_KEY_ID": "simulated",
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        }
    )
    (wire if with_botocore else sdk).install()
    uuid.uuid4 = _uuid4
    _environ = install_environ()
    with redirect_stdout(SINK):  # Powertools' loggers keep the stream they were made with
        load()
    _report_logged_errors(packages)
    keep_logs(None)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # worlds make much garbage and few cycles
    return _environ


def keep_logs(read: Callable[[str], None] | None) -> None:
    """Let `read` have every log line from now on; with None, logging costs next to nothing."""
    SINK.read = read
    logging.disable(logging.NOTSET if read else logging.CRITICAL)


def _is_in(packages: tuple[str, ...], name: str) -> bool:
    return name.startswith(tuple(f"{package}." for package in packages))


def _report_logged_errors(packages: tuple[str, ...]) -> None:
    """Report every error that a handler logs before it goes on, such as one bad message, to `ERROR_RECEIVER`."""
    modules = [module for name, module in sys.modules.items() if _is_in(packages, name)]
    loggers = {id(module.logger): module.logger for module in modules if hasattr(module, "logger")}
    for logger in loggers.values():
        logger.exception = _reporting(logger.exception)


def _reporting(log: Callable[..., None]) -> Callable[..., None]:
    def exception(*message: object, **fields: object) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            ERROR_RECEIVER[0](error)
        log(*message, **fields)

    return exception


ERROR_RECEIVER: list[Callable[[BaseException], None]] = [lambda error: None]
"""The receiver of the errors that handlers log: the world that runs."""


def _uuid4() -> uuid.UUID:
    if sdk.has_task():
        return uuid.UUID(int=sdk.random_bits(), version=4)
    return uuid.UUID(int=random.getrandbits(128), version=4)
