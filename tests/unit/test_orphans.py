"""The sweepers release money and goods that are held for no order, once; those of an order that needs them stay."""

from datetime import timedelta
from typing import Any

import pytest

from kernel.orphans import LOOK_AFTER, LOOK_AGAIN_AFTER
from tests.support.choreography import CONFIRMED, PENDING
from tests.unit.inventory.conftest import InventoryService, inventory, inventory_tables  # noqa: F401 - fixtures
from tests.unit.payment.conftest import (  # noqa: F401 - fixtures
    ORDER,
    PaymentService,
    payment,
    payment_clients,
    payment_environ,
    payment_tables,
)

MINUTE = timedelta(minutes=1)
CANCELLED = {**PENDING, "status": "CANCELLED"}
NEEDED = [PENDING, {**PENDING, "status": "BACKORDERED"}, {**PENDING, "status": "CONFIRMING"}, CONFIRMED]


@pytest.fixture
def paying(payment_tables: None, payment: PaymentService) -> PaymentService:  # noqa: F811
    return payment


@pytest.mark.parametrize("word", [None, CANCELLED])
def test_money_for_no_order_is_voided(paying: PaymentService, word: Any) -> None:
    paying.authorize()
    paying.owners.facts["order"] = word
    assert paying.sweep(LOOK_AFTER - MINUTE)["released"] == 0
    assert "due_shard" not in paying.row, "too young to be found"
    assert paying.sweep(LOOK_AFTER)["released"] == 0, "found"
    assert paying.sweep(LOOK_AFTER + MINUTE)["released"] == 1
    assert (paying.row["status"], paying.ledger["void"]) == ("VOIDED", "VOIDED")
    assert paying.sweep(LOOK_AFTER * 2)["released"] == 0
    assert paying.authorize()["outcome"] == "VOIDED", "a late one is refused"


@pytest.mark.parametrize("word", NEEDED, ids=lambda word: word["status"])
def test_money_for_an_order_stays_and_is_checked_a_day_later(
    paying: PaymentService,
    word: dict[str, Any],
) -> None:
    paying.authorize()
    paying.owners.facts["order"] = word
    paying.sweep(LOOK_AFTER)
    assert paying.sweep(LOOK_AFTER + MINUTE) == {
        "known": 0,
        "failed": 0,
        "released": 0,
        "not_released": 0,
        "republished": 0,
    }
    assert paying.row["status"] == "AUTHORIZED"
    paying.owners.facts["order"] = None
    assert paying.sweep(LOOK_AFTER * 2)["released"] == 0
    assert paying.sweep(LOOK_AFTER + LOOK_AGAIN_AFTER + 2 * MINUTE)["released"] == 1


def test_settled_money_is_not_checked(paying: PaymentService) -> None:
    paying.authorize()
    paying.capture()
    paying.sweep(LOOK_AFTER)
    assert not {"due_shard", "next_due"} & set(paying.row)
    assert paying.sweep(LOOK_AFTER + MINUTE)["released"] == 0
    assert paying.owners.asked_for_facts == []


def test_money_stays_while_the_order_service_is_unavailable(paying: PaymentService) -> None:
    paying.authorize()
    paying.owners.silent = {ORDER}
    paying.sweep(LOOK_AFTER)
    assert paying.sweep(LOOK_AFTER + MINUTE)["not_released"] == 1
    assert paying.row["status"] == "AUTHORIZED"


@pytest.mark.parametrize("word", [None, CANCELLED])
def test_goods_for_no_order_are_released(inventory: InventoryService, word: Any) -> None:  # noqa: F811
    inventory.replenish(blue=5)
    inventory.reserve(blue=2)
    inventory.owners.facts["order"] = word
    assert inventory.sweep(LOOK_AFTER)["released"] == 0, "found"
    assert inventory.sweep(LOOK_AFTER + MINUTE)["released"] == 1
    assert (inventory.row()["status"], inventory.stock()) == ("RELEASED", (5, 0, 0))
    inventory.assert_books_balance()


@pytest.mark.parametrize("word", NEEDED, ids=lambda word: word["status"])
def test_goods_for_an_order_stay(
    inventory: InventoryService,  # noqa: F811
    word: dict[str, Any],
) -> None:
    inventory.replenish(blue=5)
    inventory.reserve(blue=2)
    inventory.owners.facts["order"] = word
    inventory.sweep(LOOK_AFTER)
    assert inventory.sweep(LOOK_AFTER + MINUTE)["released"] == 0
    assert (inventory.row()["status"], inventory.stock()) == ("HELD", (3, 2, 0))


def test_sold_goods_are_not_checked(inventory: InventoryService) -> None:  # noqa: F811
    inventory.replenish(blue=5)
    inventory.reserve(blue=2)
    inventory.commit()
    inventory.sweep(LOOK_AFTER)
    assert not {"due_shard", "next_due"} & set(inventory.row())
    assert inventory.sweep(LOOK_AFTER + MINUTE)["released"] == 0
