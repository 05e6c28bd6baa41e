"""The requests that the page sends: the stage, the orders and their changes, the events of the bus, the live stream, and those
of the other modules."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypedDict, cast

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from console.dead_letters import DeadLetters
from console.endpoints import Asked, Endpoints, Record, text
from console.event_form import EventForm
from console.faults import Faults
from console.feed import Feed
from console.home import Home
from console.lines import Send
from console.live import BusEvent, Live, Receive, line
from console.replays import Replays
from kernel import clock, order_numbers
from kernel.currencies import MINOR_DIGITS
from kernel.naming import SERVICES
from operations.aws import refusals
from operations.aws.target import Target
from operations.contracts import event_catalogue
from operations.contracts.subscriptions import BY_LIVE_ORDERS_ONLY
from operations.economics import priced_orders
from operations.errors import UserError
from operations.event_pattern import InvalidPatternError, Pattern
from operations.events import live_tail
from operations.orders import course, saga_graph, saga_path, store
from operations.orders.course import Course
from operations.orders.saga_graph import Picture
from operations.orders.saga_path import Way
from operations.orders.store import ListedOrder

MOST_LISTED: Final = 10_000
"""The most orders of a list. A table with more is not read to its end."""


class StageInfo(TypedDict):
    """The stage that the page is about. `command` begins each command line that the page shows.

    `api` is the address of the order API, or None if the order service is not deployed. `minor_digits` has the digits of each
    currency's minor unit: the browser's own differ from ISO 4217. `services` has the services of this checkout.
    """

    target: str
    stage: str
    region: str
    command: str
    api: str | None
    actions: bool
    minor_digits: Mapping[str, int]
    services: Sequence[str]


@dataclass(frozen=True)
class Console:
    """The page of one target. `actions` allows changes. `token` and `run` are random texts; `run` names this process.

    `read_course` reads an order. `watch` lets the bus deliver its events to the page; it needs a rule and a queue on the stage,
    so a page without `actions` does not call it. Copies of dropped messages go to `folder`. `new_key` returns
    an idempotency key for an order.
    """

    target: Target
    actions: bool
    token: str
    run: str
    read_course: Callable[[Target, str], Course] = course.course
    watch: Callable[[Target], AbstractContextManager[Receive]] = live_tail.watching
    now: Callable[[], datetime] = clock.now
    folder: Path = field(default_factory=Path.cwd)
    new_key: Callable[[], str] = lambda: uuid.uuid4().hex
    names_endpoint: bool = False
    """Whether its command lines name the laptop's address, because a plain `orderctl` reaches another laptop's AWS."""

    def stage(self) -> StageInfo:
        """Return the stage that the page is about."""
        target = self.target
        profile = f" --profile {target.profile}" if target.profile else ""
        stage = f" --stage {target.stage}" if not target.is_laptop or target.stage != "dev" else ""
        on_laptop = f" --endpoint-url {target.endpoint_url}" if self.names_endpoint else ""
        where = on_laptop if target.is_laptop else f" --target aws --region {target.region}{profile}"
        return {
            "target": target.kind.value,
            "stage": target.stage,
            "region": target.region,
            "command": f"orderctl{where}{stage}",
            "api": self._api(),
            "actions": self.actions,
            "minor_digits": MINOR_DIGITS,
            "services": SERVICES,
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


class LatestEvents(TypedDict):
    """The events that match a pattern, the latest first, and the number of events that were looked at."""

    seen: int
    events: list[BusEvent]


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
        endpoints = Endpoints(self._target, self._console.actions, self._console.explained)
        return [
            endpoints.reads("/api/stage", self._stage),
            endpoints.reads_by_line("/api/orders", self._orders),
            endpoints.reads("/api/orders/{order_id}", self._order),
            endpoints.acts("/api/orders/{order_id}/resume", self._resume),
            endpoints.changes("/api/orders/{order_id}/cancel", self._cancel),
            endpoints.reads("/api/saga", lambda request: saga()),
            endpoints.reads("/api/saga/{order_id}", self._way),
            endpoints.reads("/api/cost", lambda request: priced_orders.price_list()),
            endpoints.reads("/api/events", self._events),
            endpoints.reads("/api/catalogue", lambda request: catalogue()),
            *Home(self._target, self._console.new_key).routes(endpoints),
            *DeadLetters(self._target, self._console.folder, self._console.now).routes(endpoints),
            *EventForm(self._target, self._console.new_key, self._console.now).routes(endpoints),
            *Faults(self._target, self._console.new_key).routes(endpoints),
            *Replays(self._target, self._console.now).routes(endpoints),
            Route("/api/stream", self._stream),
        ]

    def _stage(self, request: Request) -> StageInfo:
        return self._console.stage()

    def _orders(self, request: Request, send: Send) -> None:
        customer, number = request.query_params.get("customer"), request.query_params.get("number")
        if customer:
            found: Iterable[list[ListedOrder]] = [store.of_customer(self._target, customer, MOST_LISTED)]
        elif number:
            found = store.scan_by_page(self._target, begin_of_id=begin_of_id(number))
        else:
            found = store.scan_by_page(self._target)
        send_orders(found, self.live, send)

    def _order(self, request: Request) -> Course:
        return self._console.read_course(self._target, request.path_params["order_id"])

    def _way(self, request: Request) -> Way:
        found = self._order(request)
        return saga_path.way(found, cast(ListedOrder, found["order"]))

    def _events(self, request: Request) -> LatestEvents:
        wanted = request.query_params.get("pattern", "").strip()
        try:
            pattern = Pattern(wanted) if wanted else None
        except InvalidPatternError as error:
            raise UserError(
                f"The pattern is not valid: {error}.", "Correct it: it is one of `orderctl events tail`."
            ) from error
        latest = list(self.live.latest)
        matching = [event for event in reversed(latest) if pattern is None or pattern.matches(event)]
        return {"seen": len(latest), "events": matching}

    def _stream(self, request: Request) -> Response:
        return StreamingResponse(self._feed.follow(request.headers.get("last-event-id")), media_type="text/event-stream")

    def _resume(self, request: Request, asked: Asked, record: Record) -> Mapping[str, str]:
        order_id = request.path_params["order_id"]
        execution = store.resume(self._target, order_id)
        record("orders resume", [order_id])
        return {"execution": execution}

    def _cancel(self, request: Request, asked: Asked) -> Mapping[str, object]:
        return store.cancel(self._target, request.path_params["order_id"], text(asked, "reason") or "OPERATOR")


class Saga(TypedDict):
    """The picture of the saga, and the names of the edges of each way, by the name of the way."""

    picture: Picture
    ways: dict[str, list[str]]


def saga() -> Saga:
    """Return the graph of the saga, and the ways that orders go."""
    ways = {name: [saga_graph.edge_name(edge) for edge in edges] for name, edges in saga_path.ways().items()}
    return {"picture": saga_graph.picture(), "ways": ways}


def begin_of_id(number: str) -> str:
    """Return the begin of the ids with an order's number. Raises UserError if it is not one."""
    begin = order_numbers.begin_of_id(number)
    if begin is None:
        raise UserError(f"{number!r} {order_numbers.NUMBER_FORM}.", "Type it as the customer reads it out.")
    return begin


class CatalogueVersion(TypedDict):
    """A version of an event, and samples of it as the bus delivers them."""

    version: int
    samples: list[Mapping[str, object]]


class CatalogueEntry(TypedDict):
    """An event with its versions, the newest first, and the consumers of any of them."""

    event: str
    publisher: str
    versions: list[CatalogueVersion]
    consumers: list[str]


def catalogue() -> list[CatalogueEntry]:
    """Return each event that the services or channels publish, by publisher and name."""
    found: dict[str, CatalogueEntry] = {}
    for event in event_catalogue.events():
        entry = found.setdefault(
            event.stem, {"event": event.detail_type, "publisher": event.publisher, "versions": [], "consumers": []}
        )
        started = BY_LIVE_ORDERS_ONLY[:1] if (event.source, event.detail_type) == BY_LIVE_ORDERS_ONLY[1:] else ()
        entry["versions"].append({"version": event.version, "samples": event.delivered})
        entry["consumers"] = sorted({*entry["consumers"], *event.consumers, *started})
    return list(found.values())


def send_orders(pages: Iterable[list[ListedOrder]], live: Live, send: Send, most: int = MOST_LISTED) -> None:
    """Send a line for each order, as its page is read, and at the end whether there are more than so many.

    Unfinished orders come under the eyes of `live`, so that the page sees them go on.
    """
    sent, more = 0, False
    for page in pages:
        part = page[: most - sent]
        live.noticed(part)
        send(line(order) for order in part)
        sent += len(part)
        if more := len(part) < len(page):
            break
    send([{"more": more}])
