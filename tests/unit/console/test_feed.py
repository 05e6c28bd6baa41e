"""The stream of changes: a reader resumes where it was, or is asked to read anew."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from console.feed import RETRY, Feed


async def texts(stream: AsyncIterator[str], count: int) -> list[str]:
    """Return the next texts of a stream."""
    return [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]


def read(feed: Feed, last_event_id: str | None, count: int) -> list[str]:
    """Return the first texts that a new reader gets, after the advice to retry."""

    async def follow() -> list[str]:
        stream = feed.follow(last_event_id, heartbeat_seconds=0.01)
        found = await texts(stream, count + 1)
        await stream.aclose()  # type: ignore[attr-defined]
        return found

    first, *rest = asyncio.run(follow())
    assert first == RETRY
    return rest


def entry(number: int) -> str:
    return f'id: run:{number}\nevent: order\ndata: {{"n":{number}}}\n\n'


@pytest.fixture
def feed() -> Feed:
    made = Feed("run", kept=3)
    for number in range(1, 6):
        made.publish("order", {"n": number})
    return made


def test_new_reader_begins_now(feed: Feed) -> None:
    assert read(feed, None, 1) == [": no news\n\n"]


def test_reader_resumes_after_its_last_entry(feed: Feed) -> None:
    assert read(feed, "run:3", 3) == [entry(4), entry(5), ": no news\n\n"]


def test_reader_at_the_edge_of_what_is_kept_misses_nothing(feed: Feed) -> None:
    assert read(feed, "run:2", 3) == [entry(3), entry(4), entry(5)]


@pytest.mark.parametrize("last", ["run:1", "earlier-run:5", "run:6", "run:", "nonsense", "run:-1", "run:²"])
def test_reader_that_missed_entries_must_read_anew(feed: Feed, last: str) -> None:
    assert read(feed, last, 1) == ["id: run:5\nevent: reset\ndata: null\n\n"]


def test_entry_reaches_each_open_reader() -> None:
    async def follow() -> list[list[str]]:
        feed = Feed("run")
        streams = [feed.follow(None), feed.follow(None)]
        for stream in streams:
            await texts(stream, 1)
        waiting = [asyncio.create_task(texts(stream, 1)) for stream in streams]
        await asyncio.sleep(0)
        feed.publish("order", {"n": 1})
        return [await each for each in waiting]

    assert asyncio.run(follow()) == [[entry(1)], [entry(1)]]


def test_text_with_line_breaks_stays_one_field() -> None:
    feed = Feed("run")
    feed.publish("order", {"n": "a\r\nb\n\nevent: x"})
    assert read(feed, "run:0", 1) == ['id: run:1\nevent: order\ndata: {"n":"a\\r\\nb\\n\\nevent: x"}\n\n']
