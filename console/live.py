"""The live part of the page: looks at the journal and at unfinished orders while a page is open, and feeds what changed."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NotRequired, TypedDict

from anyio import to_thread

from console.feed import Feed
from operations.errors import UserError
from operations.events.journal import Published
from operations.events.recent import OVERLAP
from operations.orders.store import ListedOrder
from operations.orders.waiting import Waiting, waiting

LOOK_SECONDS: Final = 0.5
"""The pause between two looks."""
OPEN_EVERY: Final = 4
"""Unfinished orders are read again at every fourth look: their rows change without an event too."""
MOST_OPEN: Final = 200
"""The most unfinished orders that are read again."""
FINISHED: Final = frozenset({"CONFIRMED", "CANCELLED"})


class OrderLine(ListedOrder):
    """An order as the page lists it."""

    waits: Waiting | None


class Trouble(TypedDict):
    """A failed look: the fault and the next step."""

    message: str
    hint: NotRequired[str]


Look = Callable[[datetime], Sequence[Published]]
"""Returns the events that are new in the journal."""
Read = Callable[[Iterable[str]], Mapping[str, ListedOrder]]
"""Returns the existing orders of these ids."""
News = Iterator[tuple[str, object]]
"""The type and the data of each entry for the feed."""


def line(order: ListedOrder) -> OrderLine:
    """Return an order with the reason why it waits."""
    return {**order, "waits": waiting(order)}


@dataclass
class Live:
    """The looks of one server. `recent` makes a reader of the journal from a time on; `now` is the clock."""

    feed: Feed
    recent: Callable[[datetime], Look]
    read: Read
    now: Callable[[], datetime]
    explain: Callable[[Exception], UserError]
    _open: dict[str, ListedOrder] = field(default_factory=dict)

    def noticed(self, orders: Iterable[ListedOrder]) -> None:
        """Keep the unfinished ones of these orders in view, the latest ones if there are too many."""
        for order in orders:
            self._open.pop(order["order_id"], None)
            if order["status"] not in FINISHED:
                self._open[order["order_id"]] = order
                if len(self._open) > MOST_OPEN:
                    self._open.pop(next(iter(self._open)))

    def changes(self, look: Look, *, open_too: bool) -> News:
        """Yield the events that are new, and the orders that they are about or that changed without one."""
        puts = look(self.now())
        for put in puts:
            yield "published", summary(put)
        touched = {str(order_id) for put in puts if (order_id := put.metadata.get("order_id"))}
        known = dict(self._open)
        found = self.read(touched | (set(known) if open_too else set()))
        changed = {name: order for name, order in found.items() if name in touched or order != known.get(name)}
        self.noticed(changed.values())
        for order in changed.values():
            yield "order", line(order)

    async def run(self) -> None:
        """Look again and again while the feed has a reader. A failed look is an entry of the feed, not an end.

        After a pause, the first look begins a minute back, and each reader must read its lists anew.
        """
        look, count, failing = None, 0, False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.feed.readers:
                look = None
                continue
            if look is None:
                look = self.recent(self.now() - OVERLAP)
                self.feed.publish("reset", None)
            count += 1
            try:
                news = await to_thread.run_sync(self._listed, look, count % OPEN_EVERY == 0)
            except Exception as error:
                trouble = self.explain(error)
                self.feed.publish("trouble", {"message": trouble.message, "hint": trouble.hint})
                failing = True
                continue
            if failing:
                failing = False
                self.feed.publish("recovered", None)
            for kind, data in news:
                self.feed.publish(kind, data)

    def _listed(self, look: Look, open_too: bool) -> list[tuple[str, object]]:
        return list(self.changes(look, open_too=open_too))

    async def stop(self, task: "asyncio.Task[None]") -> None:
        """Cancel the task of `run`, and wait for its end."""
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Summary(TypedDict):
    """A put of an event, as the feed has it."""

    event_id: str
    event: str
    source: str
    version: int
    order_id: str | None
    put_at: str


def summary(put: Published) -> Summary:
    """Return the short form of a put."""
    order_id = put.metadata.get("order_id")
    return {
        "event_id": put.event_id,
        "event": put.detail_type,
        "source": put.source,
        "version": put.version,
        "order_id": str(order_id) if order_id else None,
        "put_at": put.put_at,
    }
