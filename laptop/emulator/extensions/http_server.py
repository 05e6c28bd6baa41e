"""Gap: the engine parses HTTP in Python, which takes nearly half of its time for a request to DynamoDB.

Here uvicorn serves the engine's application, with the parser of Node.js (httptools) and its event loop (uvloop).
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol

from laptop.emulator.extensions.engine_functions import EngineChangedError

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

    if not hasattr(hypercorn.asyncio, "serve"):
        raise EngineChangedError("the engine serves HTTP in another way")
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    hypercorn.asyncio.serve = serve


async def serve(application: Application, config: ServerConfig) -> None:
    """Serve the application until a signal ends the process."""
    import uvicorn

    if len(config.bind) != 1 or config.certfile:
        raise EngineChangedError("the engine serves at several addresses, or by TLS")
    host, _, port = config.bind[0].rpartition(":")
    settings = uvicorn.Config(
        application,
        host=host,
        port=int(port),
        loop="none",
        http="httptools",
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
