"""Short stock in the running system: a part is paid for and sent; a back-order waits its turn, and is confirmed then."""

import uuid
from typing import Any

import pytest

from tests.support.polling import eventually
from tests.system.conftest import Laptop

PRICE = 700


@pytest.fixture
def sku(laptop: Laptop) -> str:
    """Return a SKU of the test's own, with two units at 7 dollars."""
    name = f"RARE-{uuid.uuid4().hex[:8]}"
    prices = [{"sku": name, "amount": PRICE, "currency": "USD"}]
    laptop.invoke("order/operator-arn", {"command": "set_prices", "prices": prices})
    arrive(laptop, name, 2)
    return name


def arrive(laptop: Laptop, sku: str, quantity: int) -> None:
    items = [{"sku": sku, "quantity": quantity}]
    command = {"command": "replenish", "replenishment_id": uuid.uuid4().hex, "items": items}
    assert laptop.invoke("inventory/operator-arn", command)["outcome"] == "REPLENISHED"


def place(laptop: Laptop, sku: str, quantity: int, if_short: str) -> Any:
    lines = [{"sku": sku, "quantity": quantity}]
    body = {"customer_id": "alice", "currency": "USD", "lines": lines, "payment_token": "pm_card_visa", "if_short": if_short}
    return laptop.request("POST", "/orders", body, idempotency_key=uuid.uuid4().hex)


def amounts(laptop: Laptop, order_id: str) -> dict[str, int]:
    """Return the amounts that the gateway moved, by operation, in minor units."""
    return {row["sk"]: row["amount"] for row in laptop.rows("payment/ledger-table-name") if row["pk"] == order_id}


def assert_as_shown(laptop: Laptop, answer: Any, order: dict[str, Any]) -> None:
    """Assert that the order in a response is the order that GET shows, without the timeline, and has its ETag."""
    shown = laptop.request("GET", f"/orders/{order['order_id']}")
    assert order == {name: value for name, value in shown.json().items() if name != "timeline"}
    assert answer.headers["etag"] == shown.headers["etag"]


def sweep(laptop: Laptop) -> None:
    """Run the sweepers as their schedules do every minute."""
    for service in ("inventory", "order"):
        laptop.invoke(f"{service}/sweeper-arn")


def test_partial_order_is_confirmed_for_the_held_lines(laptop: Laptop, sku: str) -> None:
    answer = place(laptop, sku, 5, "ALLOW_PARTIAL")
    assert answer.status == 201
    order = answer.json()
    assert_as_shown(laptop, answer, order)
    assert (order["total"]["amount"], order["ordered"]["total"]["amount"]) == (2 * PRICE, 5 * PRICE)
    assert amounts(laptop, order["order_id"]) == {"authorize": 5 * PRICE, "capture": 2 * PRICE}
    row = laptop.row("inventory", f"SKU#{sku}")
    assert row
    assert (row["available"], row["sold"]) == (0, 2)


def test_back_orders_are_served_first_come_first_served(laptop: Laptop, sku: str) -> None:
    first, second = (place(laptop, sku, quantity, "BACK_ORDER") for quantity in (3, 1))
    assert [(answer.status, answer.json()["status"]) for answer in (first, second)] == [(202, "BACKORDERED")] * 2
    first_id, second_id = (answer.json()["order_id"] for answer in (first, second))
    rejected = place(laptop, sku, 1, "REJECT")
    assert rejected.status == 409, "the two that are there are wanted by who came first"
    assert_as_shown(laptop, rejected, rejected.json()["order"])

    def is_confirmed(order_id: str) -> bool:
        sweep(laptop)
        return bool(laptop.request("GET", f"/orders/{order_id}").json()["status"] == "CONFIRMED")

    arrive(laptop, sku, 1)
    eventually(lambda: is_confirmed(first_id), 240, "the first back-order is confirmed")
    assert laptop.request("GET", f"/orders/{second_id}").json()["status"] == "BACKORDERED"
    assert amounts(laptop, second_id) == {"authorize": PRICE}, "nothing is captured while it waits"
    arrive(laptop, sku, 1)
    eventually(lambda: is_confirmed(second_id), 240, "the second back-order is confirmed")
    told = [entry["event"] for entry in laptop.request("GET", f"/orders/{second_id}").json()["timeline"]]
    assert told[:4] == ["OrderPlaced", "OrderBackordered", "StockAllocated", "OrderConfirmed"]


def test_waiting_customer_can_cancel(laptop: Laptop, sku: str) -> None:
    order_id = place(laptop, sku, 3, "BACK_ORDER").json()["order_id"]
    answer = laptop.request("POST", f"/orders/{order_id}/cancel")
    assert (answer.status, answer.json()["status"]) == (200, "CANCELLED")
    assert_as_shown(laptop, answer, answer.json())
    assert laptop.ledger(order_id) == {"authorize": "AUTHORIZED", "void": "VOIDED"}
    row = laptop.row("inventory", f"SKU#{sku}")
    assert row
    assert row["waited_for"] == 0
    assert laptop.row("inventory", f"PLACE#{sku}#0") is None
