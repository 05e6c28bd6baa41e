"""The views of a customer: an order with its timeline, its changes, and all the orders page by page."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.order_numbers import number_of
from services.order.functions import commands, subscriber
from tests.support.choreography import DeadLetterQueue, an_event, batch
from tests.support.receipts import as_the_saga
from tests.unit.order.conftest import FAKES, Saga, Shop, an_order, contacts, handle, order_store

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVIDENCE = {"payment": "CAPTURED", "stock": "COMMITTED"}


@pytest.fixture(autouse=True)
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    FAKES["sqs"] = DeadLetterQueue()


def confirmed(shop: Shop, key: str = "key-1") -> str:
    """Return the id of an order that the saga has confirmed."""
    order_id = shop.place(key).body["order_id"]
    step = {"order_id": order_id, "correlation_id": "c", "causation_id": "e"}
    held = {"outcome": "HELD", "lines": an_order()["lines"]}
    evidence = as_the_saga("decide", order_id, {"decision": "CONFIRM", "stock": held})
    handle(commands, {"command": "decide", **evidence, **step}, None)
    handle(commands, {"command": "confirm", **as_the_saga("confirm", order_id, EVIDENCE), **step}, None)
    return str(order_id)


def heard(order_id: str, *types: str) -> None:
    """Deliver these events of shipping, payment and inventory to the order's subscriber."""
    owner = {"P": "payment", "S": "shipping"}
    for detail_type in types:
        service = "inventory" if detail_type == "StockReleased" else owner[detail_type[0]]
        data = {"restocked": True} if detail_type == "StockReleased" else {}
        event = an_event(service, detail_type, order_id, **data)
        FAKES["functions"].bear_out(detail_type, **event["detail"]["data"])
        assert handle(subscriber, batch(event), None) == {"batchItemFailures": []}


def timeline(shop: Shop, order_id: str) -> list[str]:
    return [entry["event"] for entry in shop.call("GET", f"/orders/{order_id}").body["timeline"]]


def test_timeline_shows_an_order_up_to_its_delivery(shop: Shop, saga: Saga) -> None:
    order_id = confirmed(shop)
    heard(order_id, "ShipmentDispatched", "ShipmentDelivered")
    shown = shop.call("GET", f"/orders/{order_id}").body
    assert (shown["status"], shown["fulfilment"]) == ("CONFIRMED", "DELIVERED")
    shipped = [
        an_event("shipping", name, order_id)["detail"]["metadata"] for name in ("ShipmentDispatched", "ShipmentDelivered")
    ]
    assert [(entry["event"], entry["event_id"]) for entry in shown["timeline"]] == [
        ("OrderPlaced", f"ORDER#{order_id}#1"),
        ("OrderConfirmed", f"ORDER#{order_id}#3"),
        ("ShipmentDispatched", shipped[0]["event_id"]),
        ("ShipmentDelivered", shipped[1]["event_id"]),
        ("OrderFulfilled", f"ORDER#{order_id}#5"),
    ]
    assert shown["timeline"][2]["at"] == shipped[0]["occurred_at"]


def test_timeline_shows_a_cancellation(shop: Shop, saga: Saga) -> None:
    order_id = confirmed(shop)
    shop.call("POST", f"/orders/{order_id}/cancel")
    heard(order_id, "ShipmentCancelled", "StockReleased", "PaymentRefunded")
    assert timeline(shop, order_id) == [
        *("OrderPlaced", "OrderConfirmed", "OrderCancelRequested"),
        *("ShipmentCancelled", "OrderCancelled", "StockReleased", "PaymentRefunded"),
    ]


def test_repeated_event_is_not_in_the_timeline_twice(shop: Shop, saga: Saga) -> None:
    order_id = confirmed(shop)
    heard(order_id, "ShipmentDelivered", "ShipmentDelivered", "ShipmentDispatched")
    assert timeline(shop, order_id) == ["OrderPlaced", "OrderConfirmed", "ShipmentDelivered", "OrderFulfilled"]


def test_order_older_than_timelines_has_an_empty_one(shop: Shop, saga: Saga, dynamodb: Any) -> None:
    order_id = confirmed(shop)
    key = {"pk": {"S": f"ORDER#{order_id}"}}
    dynamodb.update_item(TableName="orders", Key=key, UpdateExpression="REMOVE timeline")
    assert timeline(shop, order_id) == []
    heard(order_id, "ShipmentDispatched")
    assert timeline(shop, order_id) == ["ShipmentDispatched"]


def test_matching_etag_gets_304(shop: Shop, saga: Saga) -> None:
    order_id = confirmed(shop)
    seen = shop.call("GET", f"/orders/{order_id}")
    tag = seen.headers["ETag"]
    assert (tag, seen.headers["Cache-Control"]) == ('"3"', "no-cache")
    for known in (tag, f"W/{tag}", f'"1", {tag}', "*"):
        again = shop.call("GET", f"/orders/{order_id}", if_none_match=known)
        assert (again.status, again.body, again.headers["ETag"]) == (304, None, tag)
    heard(order_id, "ShipmentDispatched")
    moved = shop.call("GET", f"/orders/{order_id}", if_none_match=tag)
    assert (moved.status, moved.headers["ETag"], moved.body["fulfilment"]) == (200, '"4"', "DISPATCHED")


@pytest.mark.parametrize("known", ["", '"33"', "3", '"2", W/"1"'])
def test_other_etag_gets_the_order(shop: Shop, saga: Saga, known: str) -> None:
    assert shop.call("GET", f"/orders/{confirmed(shop)}", if_none_match=known).status == 200


def test_lease_changes_neither_the_view_nor_the_etag(shop: Shop) -> None:
    order_id = shop.place().body["order_id"]
    before = shop.call("GET", f"/orders/{order_id}")
    assert order_store().lease(order_id, "a sweeper", clock.now() + timedelta(hours=1))
    after = shop.call("GET", f"/orders/{order_id}")
    assert (after.body, after.headers["ETag"]) == (before.body, before.headers["ETag"])


def test_only_an_unfinished_order_has_retry_after(shop: Shop, saga: Saga) -> None:
    undecided = shop.place("undecided").body["order_id"]
    assert shop.call("GET", f"/orders/{undecided}").headers["Retry-After"] == "2"
    assert "Retry-After" not in shop.call("GET", f"/orders/{confirmed(shop)}").headers


def placed(shop: Shop, count: int, **changes: Any) -> list[str]:
    """So many orders, a minute apart; their ids, the newest first."""
    found = []
    for number in range(count):
        with clock.use_source(lambda number=number: NOON + timedelta(minutes=number)):  # type: ignore[misc]
            found.append(shop.place(f"key-{number}", an_order(**changes), prefer="respond-async").body["order_id"])
    return found[::-1]


def test_a_customers_orders_come_page_by_page_the_newest_first(shop: Shop) -> None:
    ours = placed(shop, 5)
    placed(shop, 2, customer_id="bob")
    contacts().put("alice", {"name": "Alice", "email": "alice@example.com", "address": {}})
    pages, path = [], "/orders?customer=alice&limit=2"
    while path:
        page = shop.call("GET", path)
        assert page.status == 200
        pages.append([order["order_id"] for order in page.body["orders"]])
        path = page.headers["Link"].partition(">")[0].removeprefix("<") if "next" in page.body else ""
        assert ("Link" in page.headers) == ("next" in page.body)
    assert pages == [ours[:2], ours[2:4], ours[4:]], "and the contact, which has no moment, is no order"


def test_page_shows_a_summary_of_each_order(shop: Shop) -> None:
    (order_id,) = placed(shop, 1)
    assert shop.call("GET", "/orders?customer=alice").body == {
        "orders": [
            {
                "order_id": order_id,
                "number": number_of(order_id),
                "status": "PENDING",
                "fulfilment": "NONE",
                "total": {"amount": 4999, "currency": "USD"},
                "created_at": "2026-11-23T12:00:00.000Z",
                "updated_at": "2026-11-23T12:00:00.000Z",
            }
        ]
    }


def test_order_is_found_by_the_number_that_its_customer_reads_out(shop: Shop) -> None:
    ours = placed(shop, 3)
    number = number_of(ours[1])
    assert shop.call("GET", f"/orders/{ours[1]}").body["number"] == number
    for typed in (number, number.lower().replace("-", "%20")):
        page = shop.call("GET", f"/orders?customer=alice&number={typed}").body
        assert [order["order_id"] for order in page["orders"]] == [ours[1]]
        assert "next" not in page
    assert shop.call("GET", f"/orders?customer=bob&number={number}").body == {"orders": []}


def test_search_by_number_goes_on_with_the_next_page(shop: Shop) -> None:
    oldest = number_of(placed(shop, 3)[-1])
    path, found = f"/orders?customer=alice&number={oldest}&limit=1", []
    while path:
        page = shop.call("GET", path)
        found += page.body["orders"]
        path = page.headers["Link"].partition(">")[0].removeprefix("<") if "next" in page.body else ""
    assert [order["number"] for order in found] == [oldest]


def test_a_customer_without_orders_has_an_empty_page(shop: Shop) -> None:
    assert shop.call("GET", "/orders?customer=nobody").body == {"orders": []}


def a_cursor(*key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("", "customer", "is missing: GET /orders?customer=<customer_id>"),
        ("?customer=", "customer", "is missing: GET /orders?customer=<customer_id>"),
        ("?customer=a%20b", "customer", "must be 1 to 64 of A-Z a-z 0-9 . _ -"),
        ("?customer=a&number=AE2RY", "number", "must be a number such as AE2RY-IQQ5H: ten of A-Z and 2-7"),
        *((f"?customer=a&limit={limit}", "limit", "must be an integer from 1 to 100") for limit in ("0", "101", "x", "1.5")),
        *(
            (f"?customer=a&cursor={cursor}", "cursor", "is not one that a page gave as `next`; begin without a cursor")
            for cursor in (
                "x",
                "%C3%A9",
                a_cursor(),
                a_cursor("PRICE#MUG", "2026-11-23T12:00:00.000Z"),
                a_cursor("ORDER#ord-" + "a" * 26, 5),
                a_cursor("ORDER#ord-" + "a" * 26, "yesterday"),
            )
        ),
    ],
)
def test_invalid_query_is_refused_by_its_field(shop: Shop, query: str, field: str, said: str) -> None:
    refused = shop.call("GET", f"/orders{query}")
    assert (refused.status, refused.body["field"], refused.body["detail"]) == (400, field, said)


def test_cursor_of_another_customer_shows_no_orders(shop: Shop) -> None:
    placed(shop, 3, customer_id="bob")
    cursor = shop.call("GET", "/orders?customer=bob&limit=1").body["next"]
    assert shop.call("GET", f"/orders?customer=alice&cursor={cursor}").body == {"orders": []}
