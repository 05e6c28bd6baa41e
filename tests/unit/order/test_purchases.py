"""The contents of an order for its customer's mails: at the order's prices, with the catalogue's titles."""

from typing import Any

import pytest

from kernel.aggregate_store import marshal
from kernel.contact import PURCHASE
from services.order.functions import commands, contact
from tests.support.receipts import as_the_saga
from tests.unit.order.conftest import CONTEXT, Shop, catalogue, contacts, handle, order_store

PARTIAL = {
    "lines": [{"sku": "MUG", "quantity": 1, "unit_price": 1250}],
    "total": {"amount": 1250, "currency": "USD"},
}


@pytest.fixture
def order_id(shop: Shop) -> str:
    catalogue().set_prices([{"sku": "MUG", "amount": 9999, "currency": "USD", "title": "Mug, blue"}])
    return str(shop.place().body["order_id"])


def purchase(order_id: str) -> Any:
    answer = handle(contact, {"order_id": order_id, "detail": PURCHASE})
    assert answer["outcome"] == "FOUND"
    return answer["purchase"]


def refuse(order_id: str, evidence: dict[str, Any]) -> None:
    """Cancel the order on a refusal by payment or inventory."""
    cause = {"order_id": order_id, "correlation_id": "c", "causation_id": "e"}
    sent = as_the_saga("decide", order_id, {"decision": "CANCEL", "evidence": evidence})
    assert handle(commands, {"command": "decide", **cause, **sent}, CONTEXT)["outcome"] == "CANCELLING"


def test_purchase_has_the_prices_of_its_day_and_the_titles_of_today(order_id: str) -> None:
    catalogue().set_prices([{"sku": "MUG", "amount": 1, "currency": "USD", "title": "Mug"}])
    found = purchase(order_id)
    assert {line["sku"]: (line["title"], line["quantity"], line["unit_price"]) for line in found["lines"]} == {
        "MUG": ("Mug", 2, 9999),
        "LP": ("LP", 1, 2499),
    }
    assert found["left_out"] == []
    assert found["total"] == {"amount": 22497, "currency": "USD"}
    row = order_store().get(order_id)
    assert row is not None
    assert found["placed_at"] == row["created_at"]


def test_purchase_names_what_is_left_out_at_its_price(order_id: str) -> None:
    row: Any = order_store().get(order_id)
    ordered = {"lines": row["lines"], "total": row["total"]}
    order_store().client.put_item(TableName="orders", Item=marshal({**row, **PARTIAL, "ordered": ordered}))
    found = purchase(order_id)
    assert [(line["sku"], line["quantity"]) for line in found["lines"]] == [("MUG", 1)]
    assert sorted((line["sku"], line["quantity"], line["unit_price"]) for line in found["left_out"]) == [
        ("LP", 1, 2499),
        ("MUG", 1, 9999),
    ]


def test_purchase_names_what_inventory_refused_the_order_for(order_id: str) -> None:
    short = [{"sku": "MUG", "requested": 2, "available": 1}, {"sku": "LP", "requested": 1, "available": 0}]
    refuse(order_id, {"outcome": "REJECTED", "short": short})
    assert purchase(order_id)["short"] == [{**short[0], "title": "Mug, blue"}, {**short[1], "title": "LP"}]


def test_purchase_of_an_order_that_is_not_refused_has_no_shortage(order_id: str) -> None:
    refuse(order_id, {"outcome": "DECLINED"})
    assert "short" not in purchase(order_id)


def test_only_a_query_that_names_it_has_the_purchase(order_id: str) -> None:
    assert "purchase" not in handle(contact, {"order_id": order_id})


def test_customer_without_a_contact_has_no_purchase(order_id: str) -> None:
    contacts().forget("alice")
    assert "purchase" not in handle(contact, {"order_id": order_id, "detail": PURCHASE})
