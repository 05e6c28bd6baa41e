"""The server of the page: the files and requests of one address, on this machine's loopback interface only."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from string import Template
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from console import static_files
from console.api import Api, Console
from console.guard import Guard
from operations.errors import UserError

LOOPBACK: Final = "127.0.0.1"
USUAL_PORT: Final = 4600
GRACE_SECONDS: Final = 1
"""How long an open stream may delay the end of the server."""


def application(console: Console, hosts: frozenset[str]) -> Starlette:
    """Return the web application. `hosts` are the values of Host at which the page is served, such as `127.0.0.1:4600`."""
    api = Api(console)
    files = static_files.static_files()

    def index(request: Request) -> Response:
        page = Template((static_files.FOLDER / "index.html").read_text())
        return HTMLResponse(page.substitute(token=console.token))

    @asynccontextmanager
    async def looking(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(api.live.run())
        yield
        await api.live.stop(task)

    return Starlette(
        routes=[Route("/", index), *api.routes(), Route("/static/{path:path}", partial(static_files.answer, files))],
        exception_handlers={404: _nowhere},
        middleware=[Middleware(Guard, hosts=hosts, token=console.token)],
        lifespan=looking,
    )


def _nowhere(request: Request, error: Exception) -> Response:
    """Return the answer to a path without a route, in the form of every other error."""
    hint = "Check the address of the page: no id has a slash in it."
    return JSONResponse({"message": f"The page has no address {request.url.path}.", "hint": hint}, 404)


def bound(port: int | None) -> socket.socket:
    """Return a socket at this port of the loopback interface; 0 chooses a free one, None the usual one or a free one.

    Raises UserError if the port is taken.
    """
    try:
        return socket.create_server((LOOPBACK, USUAL_PORT if port is None else port))
    except OSError as error:
        if port is None:
            return bound(0)
        raise UserError(
            f"Port {port} of {LOOPBACK} cannot be used: {error.strerror}.", "Choose another one with `--port`."
        ) from error


def address(listener: socket.socket) -> str:
    """Return the address of the page that a socket serves."""
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}"


def serve(console: Console, listener: socket.socket) -> None:
    """Serve the page on the socket until the process is interrupted."""
    port = listener.getsockname()[1]
    app = application(console, frozenset({f"{LOOPBACK}:{port}", f"localhost:{port}"}))
    settings = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS)
    uvicorn.Server(settings).run(sockets=[listener])
