"""The live part of the page: the orders that events are about, and unfinished orders that change without an event."""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, cast

import pytest

from console.feed import Feed
from console.live import MOST_OPEN, Live, Receive
from operations.errors import UserError
from operations.orders.store import ListedOrder


def event(order_id: object) -> dict[str, object]:
    return {"source": "orderflow.order", "detail-type": "OrderConfirmed", "detail": {"metadata": {"order_id": order_id}}}


def order(order_id: str, status: str = "PENDING", **more: object) -> ListedOrder:
    about = {"order_id": order_id, "status": status, "fulfilment": "NONE", "attempts": 0, "created_at": "c", "updated_at": "u"}
    return cast(ListedOrder, {**about, **more})


class Orders:
    """The rows, and which of them were read."""

    def __init__(self, *rows: ListedOrder) -> None:
        self.rows = {row["order_id"]: row for row in rows}
        self.read: list[set[str]] = []

    def __call__(self, order_ids: Iterable[str]) -> Mapping[str, ListedOrder]:
        wanted = set(order_ids)
        self.read.append(wanted)
        return {name: self.rows[name] for name in wanted & set(self.rows)}


def live(orders: Orders) -> Live:
    def explain(error: Exception) -> UserError:
        raise error

    return Live(Feed("run"), None, orders, explain)


def test_event_brings_the_order_that_it_is_about() -> None:
    looks = live(Orders(order("ord-1", "CONFIRMED")))
    (first, summary), (second, found) = looks.happened(event("ord-1"))
    assert (first, summary) == (
        "published",
        {"event": "OrderConfirmed", "source": "orderflow.order", "order_id": "ord-1"},
    )
    assert (second, cast(dict[str, Any], found)["waits"]["why"]) == ("order", "the parcel is not dispatched yet")


@pytest.mark.parametrize(
    "outside", [event(None), event(7), {"detail": []}, {"detail": {"metadata": "x"}}, {}, event("ord-none")]
)
def test_event_about_no_known_order_brings_none(outside: dict[str, object]) -> None:
    assert [kind for kind, _ in live(Orders()).happened(outside)] == ["published"]


def test_unfinished_order_that_changes_without_an_event_is_noticed_once() -> None:
    orders = Orders(order("ord-1"), order("ord-2", "CONFIRMED"))
    looks = live(orders)
    looks.noticed(orders.rows.values())
    assert list(looks.changed()) == []
    orders.rows["ord-1"] = order("ord-1", unavailable="PAYMENT_UNAVAILABLE", attempts=2)
    [(kind, found)] = looks.changed()
    assert (kind, cast(dict[str, Any], found)["waits"]["why"]) == ("order", "payment gave no answer at try 2")
    assert list(looks.changed()) == []
    assert orders.read[-1] == {"ord-1"}


def test_finished_order_is_read_no_more() -> None:
    orders = Orders(order("ord-1"))
    looks = live(orders)
    looks.noticed(orders.rows.values())
    orders.rows["ord-1"] = order("ord-1", "CANCELLED")
    assert len(list(looks.changed())) == 1
    reads = len(orders.read)
    assert list(looks.changed()) == []
    assert len(orders.read) == reads


def test_only_the_latest_unfinished_orders_stay_in_view() -> None:
    orders = Orders(*(order(f"ord-{number}") for number in range(MOST_OPEN + 5)))
    looks = live(orders)
    looks.noticed(orders.rows.values())
    list(looks.changed())
    assert orders.read[-1] == {f"ord-{number}" for number in range(5, MOST_OPEN + 5)}


def test_lists_that_are_read_side_by_side_are_noticed_whole() -> None:
    looks = live(Orders())
    lists = [[order(f"ord-{reader}-{number}") for number in range(20 * MOST_OPEN)] for reader in range(4)]
    with ThreadPoolExecutor(len(lists)) as readers:
        for read in [readers.submit(looks.noticed, found) for found in lists]:
            read.result()
    assert len(list(looks.changed())) == 0
    assert len(looks._open) == MOST_OPEN


def test_error_that_is_not_expected_is_reported_and_ends_no_look(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> AbstractContextManager[Receive]:
        raise ZeroDivisionError

    looks = live(Orders())
    looks.watch = broken

    async def first_entry() -> str:
        looking = asyncio.create_task(looks.run())
        try:
            async for text in looks.feed.follow("run:0"):
                if "event:" in text:
                    assert not looking.done()
                    return text
        finally:
            looking.cancel()
        raise AssertionError("the feed ended")

    found = asyncio.run(asyncio.wait_for(first_entry(), 20))
    assert "event: trouble" in found
    assert "See the output of `orderctl console`." in found
    assert "a look at the stage failed" in caplog.text
