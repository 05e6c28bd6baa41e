"""The requests that the page sends: the stage, the orders and their changes, the events of the bus, the live stream."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Final, TypedDict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from console.feed import Feed
from console.live import Live, Receive, line
from operations.aws import refusals
from operations.aws.service_client import in_parts
from operations.aws.target import Target
from operations.contracts import event_catalogue
from operations.contracts.subscriptions import BY_LIVE_ORDERS_ONLY
from operations.errors import UserError
from operations.event_pattern import InvalidPatternError, Pattern
from operations.events import live_tail
from operations.orders import course, store
from operations.orders.course import Course
from operations.orders.store import ListedOrder

MOST_LISTED: Final = 10_000
"""The most orders of a list. A table with more is not read to its end."""
IN_A_CHUNK: Final = 200
"""The orders of one piece of the answer."""
Endpoint = Callable[[Request], Response]


class StageInfo(TypedDict):
    """The stage that the page is about. `command` begins each command line that the page shows.

    `api` is the address of the order API, or None if the order service is not deployed.
    """

    target: str
    stage: str
    region: str
    command: str
    api: str | None
    actions: bool


@dataclass(frozen=True)
class Console:
    """The page of one target. `actions` allows changes. `token` and `run` are random texts; `run` names this process.

    `read_course` reads an order. `watch` lets the bus deliver its events to the page; it needs a rule and a queue on the stage,
    so a page without `actions` does not call it.
    """

    target: Target
    actions: bool
    token: str
    run: str
    read_course: Callable[[Target, str], Course] = course.course
    watch: Callable[[Target], AbstractContextManager[Receive]] = live_tail.watching

    def stage(self) -> StageInfo:
        """Return the stage that the page is about."""
        target = self.target
        profile = f" --profile {target.profile}" if target.profile else ""
        stage = f" --stage {target.stage}" if not target.is_laptop or target.stage != "dev" else ""
        where = "" if target.is_laptop else f" --target aws --region {target.region}{profile}"
        return {
            "target": target.kind.value,
            "stage": target.stage,
            "region": target.region,
            "command": f"orderctl{where}{stage}",
            "api": self._api(),
            "actions": self.actions,
        }

    def _api(self) -> str | None:
        try:
            return self.target.parameter("order/api-url").rstrip("/")
        except UserError:
            return None

    def explained(self, error: Exception) -> UserError:
        """Return an error as one for the operator. An unexpected error is raised again."""
        if isinstance(error, UserError):
            return error
        if refusals.is_of_aws(error):
            return refusals.explained(error, self.target)
        raise error


class Api:
    """The answers to the page's requests, about one stage. `live` runs beside them and feeds the stream."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._target = console.target
        self._feed = Feed(console.run)
        self.live = Live(
            self._feed,
            watch=partial(console.watch, console.target) if console.actions else None,
            read=partial(store.listed, console.target),
            explain=console.explained,
        )

    def routes(self) -> list[Route]:
        """Return the route of each request."""
        return [
            Route("/api/stage", self._answered(self._stage)),
            Route("/api/orders", self._answered(self._orders)),
            Route("/api/orders/{order_id}", self._answered(self._order)),
            Route("/api/orders/{order_id}/resume", self._answered(self._change(self._resume)), methods=["POST"]),
            Route("/api/orders/{order_id}/cancel", self._answered(self._change(self._cancel)), methods=["POST"]),
            Route("/api/events", self._answered(self._events)),
            Route("/api/catalogue", self._answered(self._catalogue)),
            Route("/api/stream", self._stream),
        ]

    def _stage(self, request: Request) -> Response:
        return JSONResponse(self._console.stage())

    def _orders(self, request: Request) -> Response:
        customer = request.query_params.get("customer")
        if customer:
            found: Iterator[ListedOrder] = iter(store.of_customer(self._target, customer, MOST_LISTED))
        else:
            found = store.scan(self._target)
        first = list(islice(found, 1))  # so that a stage that cannot be read is an error, and no broken stream
        return StreamingResponse(lines(chain(first, found), self.live), media_type="application/x-ndjson")

    def _order(self, request: Request) -> Response:
        return JSONResponse(self._console.read_course(self._target, request.path_params["order_id"]))

    def _events(self, request: Request) -> Response:
        text = request.query_params.get("pattern", "").strip()
        try:
            pattern = Pattern(text) if text else None
        except InvalidPatternError as error:
            raise UserError(
                f"The pattern is not valid: {error}.", "Correct it: it is one of `orderctl events tail`."
            ) from error
        latest = list(self.live.latest)
        matching = [event for event in reversed(latest) if pattern is None or pattern.matches(event)]
        return JSONResponse({"seen": len(latest), "events": matching})

    def _catalogue(self, request: Request) -> Response:
        return JSONResponse(catalogue())

    def _stream(self, request: Request) -> Response:
        return StreamingResponse(self._feed.follow(request.headers.get("last-event-id")), media_type="text/event-stream")

    def _resume(self, request: Request) -> Response:
        return JSONResponse({"execution": store.resume(self._target, request.path_params["order_id"])})

    def _cancel(self, request: Request) -> Response:
        return JSONResponse(store.cancel(self._target, request.path_params["order_id"], "OPERATOR"))

    def _answered(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint with its errors as answers: the fault and the next step, with status 400."""

        def answer(request: Request) -> Response:
            try:
                return endpoint(request)
            except Exception as error:
                trouble = self._console.explained(error)
                return JSONResponse({"message": trouble.message, "hint": trouble.hint}, 400)

        return answer

    def _change(self, endpoint: Endpoint) -> Endpoint:
        """Return the endpoint, refused on a page that is read-only."""

        def answer(request: Request) -> Response:
            if not self._console.actions:
                raise UserError("This page is read-only.", "Start it with `--allow-actions` to change the stage.")
            return endpoint(request)

        return answer


class CatalogueEntry(TypedDict):
    """An event with its versions, the newest first, and an example of the newest as the bus delivers it."""

    event: str
    publisher: str
    versions: list[int]
    consumers: list[str]
    example: Mapping[str, object]


def catalogue() -> list[CatalogueEntry]:
    """Return each event that the services or channels publish, by publisher and name."""
    found: dict[str, CatalogueEntry] = {}
    for event in event_catalogue.events():
        entry = found.setdefault(
            event.stem,
            {
                "event": event.detail_type,
                "publisher": event.publisher,
                "versions": [],
                "consumers": [],
                "example": event.delivered[0],
            },
        )
        entry["versions"].append(event.version)
        started = BY_LIVE_ORDERS_ONLY[:1] if (event.source, event.detail_type) == BY_LIVE_ORDERS_ONLY[1:] else ()
        entry["consumers"] = sorted({*entry["consumers"], *event.consumers, *started})
    return list(found.values())


def lines(orders: Iterator[ListedOrder], live: Live) -> Iterator[str]:
    """Yield one JSON text a line for each order, as it is read, and at the end whether there are more.

    Unfinished orders come under the eyes of `live`, so that the page sees them go on.
    """
    for part in in_parts(islice(orders, MOST_LISTED), IN_A_CHUNK):
        live.noticed(part)
        yield "".join(_text(line(order)) for order in part)
    yield _text({"more": next(orders, None) is not None})


def _text(value: Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n"
