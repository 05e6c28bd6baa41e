"""The looks of the page: events that are new, the orders they are about, and unfinished orders."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from console.feed import Feed
from console.live import MOST_OPEN, Live
from operations.errors import UserError
from operations.events.journal import Published
from operations.orders.store import ListedOrder

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def put(order_id: str | None, event_id: str = "e-1") -> Published:
    metadata = {"event_id": event_id, "event_version": 2, **({"order_id": order_id} if order_id else {})}
    event: Any = {
        "id": event_id,
        "source": "orderflow.order",
        "detail-type": "OrderConfirmed",
        "detail": {"metadata": metadata},
    }
    return Published(event, "2026-11-23T12:00:00Z", 10, 1)


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

    return Live(Feed("run"), lambda since: lambda now: [], orders, lambda: NOON, explain)


def test_event_brings_the_order_that_it_is_about() -> None:
    looks = live(Orders(order("ord-1", "CONFIRMED")))
    found = list(looks.changes(lambda now: [put("ord-1"), put(None, "e-2")], open_too=False))
    assert [kind for kind, _ in found] == ["published", "published", "order"]
    assert cast(dict[str, Any], found[0][1]) == {
        "event_id": "e-1",
        "event": "OrderConfirmed",
        "source": "orderflow.order",
        "version": 2,
        "order_id": "ord-1",
        "put_at": "2026-11-23T12:00:00Z",
    }
    assert cast(dict[str, Any], found[2][1])["waits"]["why"] == "the parcel is not dispatched yet"


def test_unfinished_order_that_changes_without_an_event_is_noticed_once() -> None:
    orders = Orders(order("ord-1"), order("ord-2", "CONFIRMED"))
    looks = live(orders)
    looks.noticed(orders.rows.values())
    assert list(looks.changes(lambda now: [], open_too=False)) == []
    orders.rows["ord-1"] = order("ord-1", unavailable="PAYMENT_UNAVAILABLE", attempts=2)
    [(kind, found)] = looks.changes(lambda now: [], open_too=True)
    assert (kind, cast(dict[str, Any], found)["waits"]["why"]) == ("order", "payment gave no answer at try 2")
    assert list(looks.changes(lambda now: [], open_too=True)) == []
    assert orders.read[-1] == {"ord-1"}


def test_finished_order_is_read_no_more() -> None:
    orders = Orders(order("ord-1"))
    looks = live(orders)
    looks.noticed(orders.rows.values())
    orders.rows["ord-1"] = order("ord-1", "CANCELLED")
    assert len(list(looks.changes(lambda now: [], open_too=True))) == 1
    list(looks.changes(lambda now: [], open_too=True))
    assert orders.read[-1] == set()


def test_only_the_latest_unfinished_orders_stay_in_view() -> None:
    orders = Orders(*(order(f"ord-{number}") for number in range(MOST_OPEN + 5)))
    looks = live(orders)
    looks.noticed(orders.rows.values())
    list(looks.changes(lambda now: [], open_too=True))
    assert orders.read[-1] == {f"ord-{number}" for number in range(5, MOST_OPEN + 5)}
