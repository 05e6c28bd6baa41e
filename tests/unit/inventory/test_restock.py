"""The goods of a confirmed order that is cancelled are in stock again, once."""

from collections.abc import Callable

import pytest

from tests.support.choreography import REVOKED, an_event, batch
from tests.unit.inventory.conftest import InventoryService, order

DONE: dict[str, list[str]] = {"batchItemFailures": []}


@pytest.fixture(autouse=True)
def revoked(inventory: InventoryService) -> None:
    """Let the order state that it was cancelled after its confirmation."""
    inventory.owners.facts["order"] = REVOKED


@pytest.fixture
def sold(inventory: InventoryService) -> Callable[[], None]:
    inventory.replenish(blue=5)
    inventory.reserve(blue=2)
    inventory.commit()
    return inventory.assert_books_balance


def cancelled(inventory: InventoryService, *, confirmed: bool, number: int = 0) -> dict[str, list[str]]:
    event = an_event("order", "OrderCancelled", order(number), confirmed=confirmed)
    answer: dict[str, list[str]] = inventory.subscriber(batch(event), None)
    return answer


def test_restocked_goods_are_available_again(inventory: InventoryService, sold: Callable[[], None]) -> None:
    assert cancelled(inventory, confirmed=True) == DONE
    assert inventory.stock() == (5, 0, 0)
    assert inventory.events()[-1][0] == "StockReleased"
    assert inventory.events()[-1][1]["restocked"] is True
    sold()


def test_redelivery_has_no_side_effects(inventory: InventoryService, sold: Callable[[], None]) -> None:
    cancelled(inventory, confirmed=True)
    before = inventory.row()
    assert cancelled(inventory, confirmed=True) == DONE
    assert (inventory.row(), inventory.stock()) == (before, (5, 0, 0))
    sold()


def test_order_never_confirmed_is_left_to_the_saga(inventory: InventoryService, sold: Callable[[], None]) -> None:
    assert cancelled(inventory, confirmed=False) == DONE
    assert inventory.stock() == (3, 0, 2)


def test_event_without_a_reservation_is_quarantined(inventory: InventoryService) -> None:
    assert cancelled(inventory, confirmed=True, number=3) == DONE
    assert len(inventory.dead_letters.reasons) == 1
