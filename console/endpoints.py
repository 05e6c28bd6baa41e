"""The form of each request and answer: JSON, errors with a next step, and changes only where the page may change the stage."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

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
        """Return the route that answers with what `read` returns: a Response, or a JSON value."""

        def answer(request: Request) -> Response:
            return self._answered(lambda: read(request))

        return Route(path, answer)

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

            def run() -> object:
                given = self._permitted(body)
                act = acts.act(self.target, text(given, "reason") or "")

                def record(done: str, order_ids: Iterable[object] = ()) -> None:
                    if error := trail.record(self.target, done, act, order_ids):
                        errors.append(error)

                return change(request, given, record)

            answer = self._answered(run)
            for error in errors:
                answer.headers[UNRECORDED] = error
            return answer

        async def answer(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(work, request, body)

        return Route(path, answer, methods=["POST"])

    def _permitted(self, body: bytes) -> Asked:
        """Return what a change is about. Raises UserError if the page is read-only, or the body is no JSON object."""
        if not self.actions:
            raise UserError("This page is read-only.", "Start it with `--allow-actions` to change the stage.")
        return asked(body)

    def _answered(self, work: Callable[[], object]) -> Response:
        """Return the result as an answer. An error has status 400, its fault, its next step, and its field if it has one."""
        try:
            result = work()
        except Exception as error:
            trouble = self.explain(error)
            place = {"field": trouble.field, "reason": trouble.reason} if isinstance(trouble, FieldError) else {}
            return JSONResponse({"message": trouble.message, "hint": trouble.hint, **place}, 400)
        return result if isinstance(result, Response) else JSONResponse(result)


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
