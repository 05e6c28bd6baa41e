"""Gap: the engine parses HTTP in Python, which takes nearly half of its time for a request to DynamoDB.

Here uvicorn serves the engine's application, with the parser of Node.js (httptools) and its event loop (uvloop). It would
send the head of a response and the body apart, and wake the client twice; here both are one write. And the engine formats
the date of each response anew; here it does so once a second.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any, Final, Protocol, cast

from laptop.emulator.extensions.engine_functions import EngineChangedError, EngineFunction, wrap

KEEP_ALIVE_SECONDS: Final = 75
"""As long as the engine's own server keeps an idle connection."""
GRACE_SECONDS: Final = 1
"""How long a request may go on once the engine is to stop: a long poll of a queue would last 20 seconds."""

Message = MutableMapping[str, Any]
Application = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


class ServerConfig(Protocol):
    """The engine's settings of its server: `bind` has `host:port`."""

    bind: list[str]
    certfile: str | None


def register() -> None:
    """Have the engine serve by uvicorn."""
    import hypercorn.asyncio
    import uvloop
    from ministack import app

    if not hasattr(hypercorn.asyncio, "serve"):
        raise EngineChangedError("the engine serves HTTP in another way")
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    hypercorn.asyncio.serve = serve
    wrap(app, "formatdate", _once_a_second)


def _once_a_second(original: EngineFunction) -> EngineFunction:
    of_second = lru_cache(maxsize=1)(lambda second, usegmt: original(second, usegmt=usegmt))
    return lambda usegmt: of_second(int(time.time()), usegmt)


class OneWrite:
    """The transport of a connection. It sends the bytes of one step of the event loop at once."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send the bytes at the end of this step of the event loop."""
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def close(self) -> None:
        """Close the connection once all is sent."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))


async def serve(application: Application, config: ServerConfig) -> None:
    """Serve the application until a signal ends the process."""
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    class Connection(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(cast(asyncio.Transport, OneWrite(transport, self.loop)))

    if len(config.bind) != 1 or config.certfile:
        raise EngineChangedError("the engine serves at several addresses, or by TLS")
    host, _, port = config.bind[0].rpartition(":")
    settings = uvicorn.Config(
        application,
        host=host,
        port=int(port),
        loop="none",
        http=Connection,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    await uvicorn.Server(settings).serve()
