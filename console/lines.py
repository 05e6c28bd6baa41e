"""Answers line by line: JSON values that are sent while their work goes on, so that no request is silent for long.

The work ends early if its reader leaves. The last line has the result, or the trouble that ended the work.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

MEDIA_TYPE: Final = "application/x-ndjson"
Line = Mapping[str, object]
Send = Callable[[Iterable[Line]], None]
"""Sends lines together. Raises ReaderLeftError if the reader is gone; the work lets it pass."""
Work = Callable[[Send], None]
"""Work that sends a line for each of its parts."""


class ReaderLeftError(Exception):
    """The reader of an answer is gone, so the rest of its work is not done."""


async def lines_of(work: Work) -> AsyncIterator[list[Line]]:
    """Yield the lines of the work, which runs in a thread of its own. Raises what the work raises.

    If the reader leaves, the next call of `Send` ends the work, which then gives back what it holds.
    """
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[list[Line] | Exception | None] = asyncio.Queue()
    left = threading.Event()

    def put(what: list[Line] | Exception | None) -> None:
        try:
            loop.call_soon_threadsafe(arrived.put_nowait, what)
        except RuntimeError as error:  # the server has ended
            raise ReaderLeftError from error

    def send(lines: Iterable[Line]) -> None:
        if left.is_set():
            raise ReaderLeftError
        put(list(lines))

    def run() -> None:
        with suppress(ReaderLeftError):
            try:
                work(send)
            except ReaderLeftError:
                raise
            except Exception as error:
                put(error)
            else:
                put(None)

    threading.Thread(target=run, name="lines").start()
    try:
        while (found := await arrived.get()) is not None:
            if isinstance(found, Exception):
                raise found
            yield found
    finally:
        left.set()


def text(lines: Iterable[Line]) -> str:
    """Return the text of lines: each one is a JSON object."""
    return "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines)
