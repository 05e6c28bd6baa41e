"""The live part of the page: while a page is open, it receives the events of the bus, and feeds the orders that changed."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypedDict

from anyio import to_thread

from console.feed import Feed
from operations.economics import priced_orders
from operations.errors import UserError
from operations.orders import saga_path
from operations.orders.store import ListedOrder
from operations.orders.wait_reasons import Waiting, waiting

RECEIVE_SECONDS: Final = 1.0
"""How long one call waits for events, and how long the end of the server may take."""
OPEN_SECONDS: Final = 2.0
"""The pause between two looks at unfinished orders: their rows change without an event too."""
RETRY_SECONDS: Final = 3.0
"""The pause after a failure."""
ANEW_SECONDS: Final = 60.0
"""How often a page reads its list anew if it may not receive events."""
MOST_OPEN: Final = 200
"""The most unfinished orders that are looked at."""
MOST_EVENTS: Final = 200
"""The latest events that the page can show."""
FINISHED: Final = frozenset({"CONFIRMED", "CANCELLED"})


class OrderLine(ListedOrder):
    """An order as the page lists it: why it waits, the name of its way through the saga, and the counted path of its cost."""

    waits: Waiting | None
    way: str
    path: str | None


class Summary(TypedDict):
    """An event of the bus, as the feed has it. A field that the event does not have is None."""

    event: object
    source: object
    order_id: str | None


BusEvent = Mapping[str, object]
"""An event as the bus delivers it."""
Receive = Callable[[float], Iterable[BusEvent]]
"""Waits for events for so many seconds, and yields each one as it arrives."""
Watch = Callable[[], AbstractContextManager[Receive]]
"""Lets the bus deliver its events to the page, for the time of a block."""
Read = Callable[[Iterable[str]], Mapping[str, ListedOrder]]
"""Returns the existing orders of these ids."""
News = Iterator[tuple[str, object]]
"""The type and the data of each entry for the feed."""


def line(order: ListedOrder) -> OrderLine:
    """Return an order as the page lists it."""
    return {**order, "waits": waiting(order), "way": saga_path.name_of(order), "path": priced_orders.path_of(order)}


def order_of(event: BusEvent) -> str | None:
    """Return the id of the order that an event is about, or None."""
    detail = event.get("detail")
    metadata = detail.get("metadata") if isinstance(detail, Mapping) else None
    order_id = metadata.get("order_id") if isinstance(metadata, Mapping) else None
    return order_id if isinstance(order_id, str) else None


@dataclass
class Live:
    """The live part of one server. Without `watch`, the page reads its lists anew from time to time."""

    feed: Feed
    watch: Watch | None
    read: Read
    explain: Callable[[Exception], UserError]
    stopped: bool = False
    latest: deque[BusEvent] = field(default_factory=partial(deque, maxlen=MOST_EVENTS))
    _open: dict[str, ListedOrder] = field(default_factory=dict)
    _looking: threading.Lock = field(default_factory=threading.Lock)
    _failing: bool = False

    @property
    def is_watched(self) -> bool:
        """True while a page is open."""
        return bool(self.feed.readers) and not self.stopped

    def noticed(self, orders: Iterable[ListedOrder]) -> None:
        """Keep the unfinished ones of these orders in view, the latest if there are too many. Lists are read side by side."""
        with self._looking:
            for order in orders:
                self._open.pop(order["order_id"], None)
                if order["status"] not in FINISHED:
                    self._open[order["order_id"]] = order
                    if len(self._open) > MOST_OPEN:
                        self._open.pop(next(iter(self._open)))

    def happened(self, event: BusEvent) -> News:
        """Yield an event, and the order that it is about as its row is now."""
        self.latest.append(event)
        order_id = order_of(event)
        summary: Summary = {"event": event.get("detail-type"), "source": event.get("source"), "order_id": order_id}
        yield "published", summary
        if order_id:
            found = self.read([order_id])
            self.noticed(found.values())
            yield from (("order", line(order)) for order in found.values())

    def changed(self) -> News:
        """Yield the unfinished orders with a row that is another one than before."""
        with self._looking:
            known = dict(self._open)
        if known:
            found = [order for name, order in self.read(known).items() if order != known[name]]
            self.noticed(found)
            yield from (("order", line(order)) for order in found)

    async def run(self) -> None:
        """Feed what happens while a page is open, until `stop`. A failure is an entry of the feed, not an end."""
        await asyncio.gather(self._follow_bus() if self.watch else self._read_anew(), self._look_at_open())

    async def stop(self, task: "asyncio.Task[object]") -> None:
        """End the task of `run`, and wait until the bus delivers nothing to the page any more."""
        self.stopped = True
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _follow_bus(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if self.is_watched:
                await self._attempt(partial(self._receive, asyncio.get_running_loop()))

    async def _look_at_open(self) -> None:
        while True:
            await asyncio.sleep(OPEN_SECONDS)
            if self.is_watched:
                await self._attempt(partial(self._publish_all, asyncio.get_running_loop(), self.changed))

    async def _read_anew(self) -> None:
        while True:
            await asyncio.sleep(ANEW_SECONDS)
            self.feed.publish("reset", None)

    async def _attempt(self, work: Callable[[], None]) -> None:
        """Do the work in a thread. Report a failure and wait, or the recovery after one."""
        try:
            await to_thread.run_sync(work)
        except Exception as error:
            trouble = self._explained(error)
            self.feed.publish("trouble", {"message": trouble.message, "hint": trouble.hint})
            self._failing = True
            await asyncio.sleep(RETRY_SECONDS)
        else:
            if self._failing:
                self.feed.publish("recovered", None)
            self._failing = False

    def _explained(self, error: Exception) -> UserError:
        """Return an error for the reader. One that is not expected ends no look either: its traceback is in the output."""
        try:
            return self.explain(error)
        except Exception:
            logging.getLogger(__name__).exception("a look at the stage failed")
            return UserError("The page's look at the stage failed.", "See the output of `orderctl console`.")

    def _receive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Feed the events of the bus while a page is open. The lists, read anew, have the changes before."""
        assert self.watch is not None
        with self.watch() as receive:
            loop.call_soon_threadsafe(self.feed.publish, "reset", None)
            while self.is_watched:
                for event in receive(RECEIVE_SECONDS):
                    self._publish_all(loop, partial(self.happened, event))

    def _publish_all(self, loop: asyncio.AbstractEventLoop, news: Callable[[], News]) -> None:
        for kind, data in news():
            loop.call_soon_threadsafe(self.feed.publish, kind, data)
