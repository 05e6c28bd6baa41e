"""The cost of orders that exist, by the counted path that each row resembles."""

from typing import Any, cast

import pytest

from operations.economics import costs, priced_orders, units
from operations.economics.bill import MILLION
from operations.orders.store import ListedOrder


def order(status: str, fulfilment: str = "NONE", **about: Any) -> ListedOrder:
    return cast(ListedOrder, {"status": status, "fulfilment": fulfilment, **about})


@pytest.mark.parametrize(
    ("about", "path"),
    [
        (order("CONFIRMED"), "happy"),
        (order("CONFIRMED", "DISPATCHED"), "delivered"),
        (order("CONFIRMED", "DELIVERED"), "delivered"),
        (order("CONFIRMED", "DELIVERED", backordered_at="-"), "back-ordered"),
        (order("CANCELLED", reason="PAYMENT_DECLINED"), "declined"),
        (order("CANCELLED", reason="OUT_OF_STOCK"), "out-of-stock"),
        (order("CANCELLED", reason="CUSTOMER", refunded=True), "cancelled"),
        (order("CANCELLED", reason="CUSTOMER"), None),
        (order("CANCELLED", reason="CAPTURE_REFUSED"), None),
        (order("PENDING"), None),
        (order("BACKORDERED", backordered_at="-"), None),
        (order("REFUNDING", reason="CUSTOMER"), None),
    ],
)
def test_order_is_priced_as_the_path_that_it_went(about: ListedOrder, path: str | None) -> None:
    assert priced_orders.path_of(about) == path
    assert path is None or path in units.counted()


def test_price_of_an_order_is_that_of_the_command() -> None:
    listed = priced_orders.price_list()
    for row in costs.costs()["paths"]:
        price = listed["paths"][row["path"]]
        assert MILLION * sum(price["promises"].values()) == pytest.approx(row["quiet_usd"], abs=0.01)
        assert set(price["promises"]) <= set(listed["promises"])
