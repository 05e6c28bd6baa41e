"""The form of each request and answer: JSON, errors with a next step, and changes only where the page may change the stage."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from console import lines
from console.lines import Line, Send
from kernel import outside_json
from kernel.outside_json import OutsideJsonError
from operations import acts, trail
from operations.aws.target import Target
from operations.errors import FieldError, UserError

Asked = Mapping[str, object]
"""The JSON object in the body of a change; empty if the body is."""
UNRECORDED: Final = "x-orderflow-unrecorded"
"""The header of an answer that names the error which kept a change out of the trail."""


class Record(Protocol):
    """The function that records a change which is done: the command that it equals, and the orders that it is about."""

    def __call__(self, done: str, order_ids: Iterable[object] = ()) -> None: ...


@dataclass(frozen=True)
class Endpoints:
    """The makers of routes for one page. `explain` returns an error as one for the operator, or raises it again."""

    target: Target
    actions: bool
    explain: Callable[[Exception], UserError]

    def reads(self, path: str, read: Callable[[Request], object]) -> Route:
        """Return the route that answers with the JSON value that `read` returns. Its work must be short and limited."""
        return Route(path, lambda request: self._answered(lambda: read(request)))

    def changes(self, path: str, change: Callable[[Request, Asked], object]) -> Route:
        """Return the route of a POST that answers with the JSON value of `change`. A page that is read-only refuses it."""

        async def answer(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(self._answered, lambda: change(request, self._permitted(body)))

        return Route(path, answer, methods=["POST"])

    def acts(self, path: str, change: Callable[[Request, Asked, Record], object]) -> Route:
        """Return the route of a change that no function of the services runs, so that the page records it in the trail.

        The `reason` of the request is that of the act. `change` calls the `Record` once something has changed.
        """

        def work(request: Request, body: bytes) -> Response:
            errors: list[str] = []

            def acted() -> object:
                given = self._permitted(body)
                return change(request, given, self._record(given, errors))

            answer = self._answered(acted)
            for error in errors:
                answer.headers[UNRECORDED] = error
            return answer

        async def answer(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(work, request, body)

        return Route(path, answer, methods=["POST"])

    def reads_by_line(self, path: str, read: Callable[[Request, Send], None]) -> Route:
        """Return the route that answers with the lines that `read` sends. Its work may be long."""

        async def answer(request: Request) -> Response:
            return await self._lines(lambda send: read(request, send))

        return Route(path, answer)

    def acts_by_line(self, path: str, change: Callable[[Request, Asked, Record, Send], None]) -> Route:
        """Return the route of an act, as by `acts`, whose work may be long: it answers with the lines that `change` sends.

        A line with `unrecorded` names the error which kept the act out of the trail.
        """

        async def answer(request: Request) -> Response:
            body = await request.body()

            def work(send: Send) -> None:
                errors: list[str] = []
                given = self._permitted(body)
                try:
                    change(request, given, self._record(given, errors), send)
                finally:
                    for error in errors:
                        send([{"unrecorded": error}])

            return await self._lines(work)

        return Route(path, answer, methods=["POST"])

    def _record(self, given: Asked, errors: list[str]) -> Record:
        """Return the `Record` of a change; an error that keeps it out of the trail is appended to `errors`."""
        act = acts.act(self.target, text(given, "reason") or "")

        def record(done: str, order_ids: Iterable[object] = ()) -> None:
            if error := trail.record(self.target, done, act, order_ids):
                errors.append(error)

        return record

    def _permitted(self, body: bytes) -> Asked:
        """Return what a change is about. Raises UserError if the page is read-only, or the body is no JSON object."""
        if not self.actions:
            raise UserError("This page is read-only.", "Start it with `--allow-actions` to change the stage.")
        return asked(body)

    def _answered(self, work: Callable[[], object]) -> Response:
        """Return the result of the work as an answer, or its trouble as an error with status 400."""
        try:
            return JSONResponse(work())
        except Exception as error:
            return self._refused(error)

    async def _lines(self, work: lines.Work) -> Response:
        """Return the lines of the work as an answer. Trouble before the first line is an error with status 400."""
        found = lines.lines_of(work)
        first: list[Line] = []
        try:
            first = await anext(found, first)
        except Exception as error:
            return self._refused(error)
        return StreamingResponse(self._texts(first, found), media_type=lines.MEDIA_TYPE)

    async def _texts(self, first: list[Line], rest: AsyncIterator[list[Line]]) -> AsyncIterator[str]:
        yield lines.text(first)
        try:
            async for part in rest:
                if part:
                    yield lines.text(part)
        except Exception as error:
            yield lines.text([{"trouble": self._as_data(error)}])

    def _refused(self, error: Exception) -> Response:
        return JSONResponse(self._as_data(error), 400)

    def _as_data(self, error: Exception) -> Line:
        """Return an error as data: its fault, its next step, and its field if it has one."""
        trouble = self.explain(error)
        place = {"field": trouble.field, "reason": trouble.reason} if isinstance(trouble, FieldError) else {}
        return {"message": trouble.message, "hint": trouble.hint, **place}


def asked(body: bytes) -> Asked:
    """Return the JSON object of a body. Raises UserError if it is none."""
    try:
        return outside_json.read_object(body) if body else {}
    except OutsideJsonError as error:
        raise UserError(f"The request is not a JSON object: {error}.", "Reload the page.") from error


def text(found: Mapping[str, object], name: str) -> str | None:
    """Return a text of a request; None if it has none, or an empty one. Raises UserError if it is another value."""
    value = found.get(name) or None
    if value is not None and not isinstance(value, str):
        raise UserError(f"`{name}` of the request is no text.", "Reload the page.")
    return value


def texts(found: Asked, name: str) -> list[str]:
    """Return a list of texts of a request; empty if it has none. Raises UserError if it is another value."""
    value = found.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise UserError(f"`{name}` of the request is no list of texts.", "Reload the page.")
    return value
