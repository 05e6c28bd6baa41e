"""The log of a function: JSON lines, each with the ids of the order, the event and the attempt that it is about.

A line of the level DEBUG waits in memory. It is written if a line of the level ERROR follows it in the same block.
Each order pays for its lines of the level INFO. So they are few, and lack what is read only after a fault.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.buffer import LoggerBufferConfig

from kernel.traces import correlation_id_of, trace_id_of

VERSION: Final = "AWS_LAMBDA_FUNCTION_VERSION"
"""The variable in which Lambda names the version of the function that runs."""
LEVEL: Final = os.environ.get("LOG_LEVEL", "INFO")
BUFFERED_BYTES: Final = 20_480
LEFT_OUT_AT_INFO: Final = frozenset({"function_request_id", "location", "message_id", "service", "xray_trace_id"})
"""The keys that no line of the level INFO has. Its log group names the service and the function."""


def _as_text(line: Mapping[str, object]) -> str:
    """Return the text of a line."""
    left_out = LEFT_OUT_AT_INFO if line["level"] == "INFO" else frozenset[str]()
    kept = {name: value for name, value in line.items() if name not in left_out}
    return json.dumps(kept, default=str, separators=(",", ":"), ensure_ascii=False)


logger = Logger(
    use_rfc3339=True,
    utc=True,
    json_serializer=_as_text,
    buffer_config=None if LEVEL == "DEBUG" else LoggerBufferConfig(max_bytes=BUFFERED_BYTES),
    function_version=os.environ.get(VERSION),
)
"""The only logger: all modules of a process share its keys and its buffer."""
logging.getLogger(logger.name).setLevel(LEVEL)
# Powertools itself prefers the level that Lambda lets pass, which is DEBUG, so that Lambda drops no buffered line.


@contextmanager
def about(**keys: str | int | None) -> Iterator[None]:
    """Write these keys into each line of the block, beside those of the block around it. A key that is None is left out.

    The block begins with an empty buffer, because the lines before it are about something else.
    """
    before = dict(logger.thread_safe_get_current_keys())
    logger.clear_buffer()
    add(**keys)
    try:
        yield
    finally:
        logger.thread_safe_clear_keys()
        logger.thread_safe_append_keys(**before)


def add(**keys: str | int | None) -> None:
    """Write these keys into all further lines of the block. A key that is None is left out."""
    logger.thread_safe_append_keys(**keys)


def debug(message: str, **fields: object) -> None:
    """Log a line of the level DEBUG. It keeps the keys of now, although it waits in a buffer that threads share."""
    logger.debug(message, extra={**logger.thread_safe_get_current_keys(), **fields})


def follow(thread: str, cause: str | None = None) -> None:
    """Write the correlation id and the trace of a thread into all further lines of the block.

    With the id of the event or request that led here as its `cause`, also that id. The step's span follows from it.
    """
    add(correlation_id=correlation_id_of(thread), trace_id=trace_id_of(thread))
    if cause is not None:
        add(causation_id=cause)
