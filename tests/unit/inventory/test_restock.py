"""The goods of a confirmed order that is cancelled are in stock again, once."""

from collections.abc import Callable

import pytest

from kernel import clients
from services.inventory.functions import subscriber
from tests.support.choreography import REVOKED, DeadLetterQueue, an_event, batch, other_services
from tests.unit.inventory.conftest import InventoryService, order

DONE: dict[str, list[str]] = {"batchItemFailures": []}


@pytest.fixture(autouse=True)
def dead_letters(inventory: InventoryService, monkeypatch: pytest.MonkeyPatch) -> DeadLetterQueue:
    other_services(monkeypatch).facts["order"] = REVOKED
    queue = DeadLetterQueue()
    monkeypatch.setattr(clients, "sqs", lambda: queue)
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", "https://queue/dead")
    return queue


@pytest.fixture
def sold(inventory: InventoryService) -> Callable[[], None]:
    inventory.replenish(blue=5)
    inventory.reserve(blue=2)
    inventory.commit()
    return inventory.assert_books_balance


def cancelled(*, confirmed: bool, number: int = 0) -> dict[str, list[str]]:
    return subscriber.handler(batch(an_event("order", "OrderCancelled", order(number), confirmed=confirmed)), None)


def test_what_was_sold_is_available_again(inventory: InventoryService, sold: Callable[[], None]) -> None:
    assert cancelled(confirmed=True) == DONE
    assert inventory.stock() == (5, 0, 0)
    assert inventory.events()[-1][0] == "StockReleased"
    assert inventory.events()[-1][1]["restocked"] is True
    sold()


def test_told_again_nothing_comes_back_twice(inventory: InventoryService, sold: Callable[[], None]) -> None:
    cancelled(confirmed=True)
    before = inventory.row()
    assert cancelled(confirmed=True) == DONE
    assert (inventory.row(), inventory.stock()) == (before, (5, 0, 0))
    sold()


def test_an_order_that_was_never_confirmed_is_the_sagas_matter(inventory: InventoryService, sold: Callable[[], None]) -> None:
    assert cancelled(confirmed=False) == DONE
    assert inventory.stock() == (3, 0, 2)


def test_what_was_never_reserved_is_set_aside(inventory: InventoryService, dead_letters: DeadLetterQueue) -> None:
    assert cancelled(confirmed=True, number=3) == DONE
    assert len(dead_letters.reasons) == 1
