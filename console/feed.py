"""A feed of server-sent events that any number of readers follow, and that each resumes after a broken connection."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

KEPT: Final = 5000
"""How many entries a reader may be behind and still resume."""
HEARTBEAT_SECONDS: Final = 15.0
"""How long a stream is silent at most, so that both sides notice a broken connection."""
RETRY: Final = "retry: 1000\n\n"
"""Lets the browser connect again after one second."""


@dataclass(frozen=True)
class Entry:
    """An entry of the feed: its number from 1, the type of the event, and its data as JSON."""

    number: int
    kind: str
    data: str


@dataclass
class Feed:
    """The latest entries. `run` names this process: numbers of another one mean nothing here.

    Source of the format and of `Last-Event-ID`: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    run: str
    kept: int = KEPT
    readers: int = 0
    _entries: deque[Entry] = field(init=False)
    _last: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._entries = deque(maxlen=self.kept)

    def publish(self, kind: str, data: object) -> None:
        """Append an entry. Call it on the server's event loop."""
        self._last += 1
        self._entries.append(Entry(self._last, kind, json.dumps(data, separators=(",", ":"), ensure_ascii=False)))
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, last_event_id: str | None, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> AsyncIterator[str]:
        """Yield the text of the stream, from the entry after `last_event_id` on, or from now on.

        If entries after it are gone, the first event is `reset`: the reader must read its data anew.
        """
        self.readers += 1
        try:
            position, complete = self._position(last_event_id)
            yield RETRY
            if not complete:
                yield f"id: {self.run}:{position}\nevent: reset\ndata: null\n\n"
            while True:
                news = self._news
                for entry in [entry for entry in self._entries if entry.number > position]:
                    yield f"id: {self.run}:{entry.number}\nevent: {entry.kind}\ndata: {entry.data}\n\n"
                    position = entry.number
                if position < self._last:
                    continue
                try:
                    await asyncio.wait_for(news.wait(), heartbeat_seconds)
                except TimeoutError:
                    yield ": no news\n\n"
        finally:
            self.readers -= 1

    def _position(self, last_event_id: str | None) -> tuple[int, bool]:
        """Return the number after which the reader goes on, and whether it misses nothing."""
        if last_event_id is None:
            return self._last, True
        run, _, number = last_event_id.partition(":")
        first_kept = self._entries[0].number if self._entries else self._last + 1
        if run != self.run or not number.isascii() or not number.isdigit() or not first_kept - 1 <= int(number) <= self._last:
            return self._last, False
        return int(number), True
