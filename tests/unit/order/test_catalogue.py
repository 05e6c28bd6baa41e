"""The catalogue: what nothing can be sold at is refused by its field, and then no price of the command is set."""

from typing import Any

import pytest

from kernel.money import MAX_PRICE, MAX_TOTAL
from services.order.domain.prices import InvalidPriceError
from services.order.functions import operator
from tests.unit.order.conftest import CONTEXT, Saga, Shop, an_order, catalogue, handle, titles
from tests.unit.order.test_events import orders

PRICE = {"sku": "CAP", "amount": 100, "currency": "USD"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        *[
            ({"currency": code}, "currency")
            for code in ("ZZZ", "X" * 3, "XTS", "CHE", "CLF", "XAU", "usd", "US", "", None, 1, ["USD"])
        ],
        *[({"amount": amount}, "amount") for amount in (10**37, 10**40, MAX_PRICE + 1, -1, 1.5, 1e300, "1", True, None)],
        *[({"amount": amount}, "amount") for amount in (float("nan"), float("inf"))],
        *[({"sku": sku}, "sku") for sku in ("T/É 1", "", "x" * 65, "4111111111111111", None, 1)],
    ],
)
def test_an_unsellable_price_is_refused_by_its_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidPriceError, match=rf"^prices\[1\]\.{field}: ") as refusal:
        handle(operator, {"command": "set_prices", "prices": [PRICE, {**PRICE, **wrong}]}, CONTEXT)
    assert "4111" not in str(refusal.value)
    assert catalogue().look_up(["CAP"], []).prices == {}


@pytest.mark.parametrize("title", ["", "  ", "x" * 101, "two\nlines", 1, ["Cap"]])
def test_title_that_a_mail_cannot_show_is_refused_by_its_field(title: Any) -> None:
    with pytest.raises(InvalidPriceError, match=r"^prices\[0\]\.title: must be a text of 1 to 100 printable characters"):
        handle(operator, {"command": "set_prices", "prices": [{**PRICE, "title": title}]}, CONTEXT)
    assert catalogue().look_up(["CAP"], []).prices == {}


def test_two_prices_of_one_sku_in_a_command_are_refused() -> None:
    with pytest.raises(InvalidPriceError, match=r"^prices\[1\]\.sku: has a price in an earlier entry too"):
        handle(operator, {"command": "set_prices", "prices": [PRICE, {**PRICE, "amount": 90}]}, CONTEXT)
    assert catalogue().look_up(["CAP"], []).prices == {}


def test_price_replaces_the_title_of_its_sku() -> None:
    for title, kept in ((" Cap, blue ", {"CAP": "Cap, blue"}), ("Cap", {"CAP": "Cap"}), (None, {})):
        handle(operator, {"command": "set_prices", "prices": [{**PRICE, "title": title}]}, CONTEXT)
        assert titles("CAP", "MUG") == kept


@pytest.mark.parametrize("missing", ["sku", "amount", "currency"])
def test_incomplete_price_is_refused_by_its_field(missing: str) -> None:
    entry = {name: value for name, value in PRICE.items() if name != missing}
    with pytest.raises(InvalidPriceError, match=rf"^prices\[0\]\.{missing}: is missing"):
        handle(operator, {"command": "set_prices", "prices": [entry]}, CONTEXT)


def test_a_total_that_is_too_large_is_refused_before_anything_is_written(shop: Shop, saga: Saga) -> None:
    skus = [f"S{number}" for number in range(MAX_TOTAL // MAX_PRICE // 100 + 1)]
    handle(operator, {"command": "set_prices", "prices": [{**PRICE, "sku": sku, "amount": MAX_PRICE} for sku in skus]}, CONTEXT)
    answer = shop.place(body=an_order(lines=[{"sku": sku, "quantity": 100} for sku in skus]))
    assert (answer.status, answer.body["field"]) == (422, "lines")
    assert answer.body["type"].endswith("/total-too-large")
    assert (orders(), saga.started) == ([], [])
    saga.reaches("CONFIRMED")
    assert shop.place(body=an_order(lines=[{"sku": sku, "quantity": 100} for sku in skus[1:]])).status == 201
