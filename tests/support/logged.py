"""The log of a function, as a test reads it."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kernel.logs import logger

Lines = Callable[[], list[dict[str, Any]]]
"""Returns the lines that were logged so far."""


@contextmanager
def lines_of_log() -> Iterator[Lines]:
    """Return the lines that are logged in the block, as a function logs them."""
    logger.thread_safe_clear_keys()  # a handler that another test called outside of Lambda's entry leaves its own
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.registered_formatter)
    of_module = logging.getLogger(logger.name)
    of_module.addHandler(handler)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        of_module.removeHandler(handler)
