"""The guard of the server: only this page, opened by its own address on this machine, may read or change anything."""

import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_HEADER: Final = "x-orderflow-token"  # noqa: S105 - the name of a header
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
NOT_KEPT: Final = "no-store"
"""The value of `Cache-Control` of an answer that states none."""
OTHER_HOST: Final = "The page is served at another address."
OTHER_ORIGIN: Final = "Another page sent the request."
NO_TOKEN: Final = "The request has no valid token of this page."  # noqa: S105 - a message
RELOAD: Final = "Reload the page at the address that `orderctl console` printed."


class Guard:
    """The application, behind checks of Host, Origin and token. Each response gets the headers of `HEADERS`.

    A page elsewhere can let a name of its own resolve to 127.0.0.1; then Host names it. It can send a form here; then Origin
    names it, and the form has no token. `token` is in the page itself, so only a page of this server can read it.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str], token: str) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request with status 403, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", NOT_KEPT)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await JSONResponse({"message": refusal, "hint": RELOAD}, 403)(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> str | None:
        if headers.get("host") not in self._hosts:
            return OTHER_HOST
        origin = headers.get("origin")
        if origin is not None and origin not in {f"http://{host}" for host in self._hosts}:
            return OTHER_ORIGIN
        if method not in SAFE_METHODS and not secrets.compare_digest(
            headers.get(TOKEN_HEADER, "").encode(), self._token.encode()
        ):
            return NO_TOKEN
        return None
