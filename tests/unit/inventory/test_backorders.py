"""Short stock: a part for an order that allows it, a place in the queue for one that waits."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.inventory.domain import stock
from services.inventory.domain.decisions import LinesMismatchError
from services.inventory.storage import table
from tests.unit.inventory.conftest import BLUE, GIANT, InventoryService, lines


@pytest.fixture(autouse=True)
def balanced(inventory: InventoryService) -> Iterator[None]:
    yield
    inventory.assert_books_balance()


def statuses(inventory: InventoryService, *numbers: int) -> list[str]:
    return [inventory.row(number)["status"] for number in numbers]


def queue(inventory: InventoryService, sku: str = BLUE) -> list[int]:
    """Return the quantities that the waiting orders need, in the order of the queue."""
    row = inventory.skus.get(sku)
    return [waiting["quantity"] for waiting in row["waiting"]] if row else []


def test_partial_order_holds_the_available_part_and_all_other_lines(inventory: InventoryService) -> None:
    inventory.replenish(blue=2, giant=9)
    answer = inventory.reserve(0, "ALLOW_PARTIAL", blue=5, giant=1)
    assert answer == {"outcome": "HELD", "lines": lines(giant=1, blue=2)}
    assert inventory.events() == [("StockReserved", {"lines": lines(giant=1, blue=2)})]
    assert (inventory.stock(BLUE), inventory.stock(GIANT)) == ((0, 2, 0), (8, 1, 0))
    assert inventory.commit() == {"outcome": "COMMITTED"}
    assert (inventory.stock(BLUE), inventory.stock(GIANT)) == ((0, 0, 2), (8, 0, 1))


def test_repeated_partial_reserve_returns_the_same_part(inventory: InventoryService) -> None:
    inventory.replenish(blue=2)
    first = inventory.reserve(0, "ALLOW_PARTIAL", blue=5)
    inventory.replenish("delivery-2", blue=9)
    assert inventory.reserve(0, "ALLOW_PARTIAL", blue=5) == first
    with pytest.raises(LinesMismatchError):
        inventory.reserve(0, "ALLOW_PARTIAL", blue=2)


def test_partial_order_with_enough_stock_gets_everything(inventory: InventoryService) -> None:
    inventory.replenish(blue=5)
    assert inventory.reserve(0, "ALLOW_PARTIAL", blue=5)["lines"] == lines(blue=5)
    assert "asked" not in inventory.row()


def test_partial_order_without_any_stock_is_rejected(inventory: InventoryService) -> None:
    assert inventory.reserve(0, "ALLOW_PARTIAL", blue=5)["outcome"] == "REJECTED"


def test_released_part_is_available_again(inventory: InventoryService) -> None:
    inventory.replenish(blue=2)
    inventory.reserve(0, "ALLOW_PARTIAL", blue=5)
    assert inventory.release()["outcome"] == "RELEASED"
    assert inventory.stock() == (2, 0, 0)


def test_a_back_order_waits_and_holds_nothing(inventory: InventoryService) -> None:
    inventory.replenish(blue=2, giant=9)
    short = [{"sku": BLUE, "requested": 5, "available": 2}]
    assert inventory.reserve(0, "BACK_ORDER", blue=5, giant=1) == {"outcome": "WAITING", "lines": lines(giant=1, blue=5)}
    assert inventory.events() == [("StockBackordered", {"lines": lines(giant=1, blue=5), "short": short})]
    assert (inventory.stock(BLUE), inventory.stock(GIANT)) == ((2, 0, 0), (9, 0, 0))
    assert inventory.reserve(0, "BACK_ORDER", blue=5, giant=1)["outcome"] == "WAITING"
    assert (queue(inventory), queue(inventory, GIANT)) == ([5], [1])


def test_back_order_can_wait_for_an_unknown_sku(inventory: InventoryService) -> None:
    inventory.wait(0, blue=1)
    assert inventory.skus.get(BLUE) == {
        "sku": BLUE,
        **dict.fromkeys(stock.COUNTERS, 0),
        "waiting": [{"order_id": inventory.row()["order_id"], "quantity": 1}],
    }


def test_back_order_with_enough_stock_does_not_wait(inventory: InventoryService) -> None:
    inventory.replenish(blue=5)
    assert inventory.reserve(0, "BACK_ORDER", blue=5)["outcome"] == "HELD"


def test_arrived_stock_goes_to_the_first_in_the_queue(inventory: InventoryService) -> None:
    inventory.wait(0, blue=3)
    inventory.wait(1, blue=1)
    inventory.replenish(blue=2)
    inventory.sweep()
    assert statuses(inventory, 0, 1) == ["WAITING", "WAITING"], "two are not enough for the first, and are not the second's"
    inventory.replenish("delivery-2", blue=1)
    inventory.sweep()
    assert statuses(inventory, 0, 1) == ["HELD", "WAITING"]
    assert inventory.events(0)[-1] == ("StockAllocated", {"lines": lines(blue=3)})
    inventory.replenish("delivery-3", blue=1)
    inventory.sweep()
    assert (statuses(inventory, 0, 1), queue(inventory), inventory.stock()) == (["HELD", "HELD"], [], (0, 4, 0))


def test_new_order_gets_only_stock_beyond_the_queue(inventory: InventoryService) -> None:
    inventory.wait(0, blue=3)
    inventory.replenish(blue=5)
    rejected = inventory.reserve(1, blue=3)
    assert (rejected["outcome"], rejected["short"][0]["available"]) == ("REJECTED", 2)
    assert inventory.reserve(2, blue=1)["outcome"] == "HELD"
    assert inventory.reserve(3, "ALLOW_PARTIAL", blue=9)["lines"] == lines(blue=1)
    assert inventory.reserve(4, blue=1)["outcome"] == "REJECTED"
    inventory.sweep()
    assert statuses(inventory, 0) == ["HELD"]


def test_order_short_of_one_sku_keeps_its_place_in_the_other_queue(inventory: InventoryService) -> None:
    inventory.wait(0, blue=1, giant=1)
    inventory.wait(1, blue=1)
    inventory.replenish(blue=1)
    inventory.sweep()
    assert statuses(inventory, 0, 1) == ["WAITING", "WAITING"]
    inventory.replenish("delivery-2", blue=1)
    inventory.sweep()
    assert statuses(inventory, 0, 1) == ["WAITING", "HELD"]
    inventory.replenish("delivery-3", giant=1)
    inventory.sweep()
    assert statuses(inventory, 0, 1) == ["HELD", "HELD"]


def test_order_that_leaves_the_queue_makes_room(inventory: InventoryService) -> None:
    inventory.wait(0, blue=3)
    inventory.wait(1, blue=2)
    inventory.replenish(blue=2)
    inventory.sweep()
    assert inventory.release(0) == {"outcome": "RELEASED"}
    assert [name for name, _ in inventory.events(0)] == ["StockBackordered"], "nothing was held, so nothing is released"
    inventory.sweep()
    assert statuses(inventory, 1) == ["HELD"]
    assert inventory.release(0) == {"outcome": "RELEASED"}
    assert inventory.reserve(0, "BACK_ORDER", blue=3)["outcome"] == "RELEASED"


def test_allocated_back_order_is_sold_or_released_as_any_other(inventory: InventoryService) -> None:
    for number in (0, 1):
        inventory.wait(number, blue=1)
    inventory.replenish(blue=2)
    inventory.sweep()
    assert (inventory.commit(0), inventory.release(1)) == ({"outcome": "COMMITTED"}, {"outcome": "RELEASED"})
    assert inventory.stock() == (1, 0, 1)


def test_full_queue_rejects_the_next_back_order(inventory: InventoryService, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("domain.stock", "storage.skus"):
        monkeypatch.setattr(f"services.inventory.{module}.MAX_WAITING", 2)
    inventory.wait(0, blue=1)
    inventory.wait(1, blue=1)
    assert inventory.reserve(2, "BACK_ORDER", blue=1)["outcome"] == "REJECTED"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("act", ["wait", "allocate", "withdraw"])
def test_step_of_a_back_order_cut_at_any_call_has_one_effect(
    inventory: InventoryService, monkeypatch: pytest.MonkeyPatch, act: str, after: bool
) -> None:
    inventory.wait(1, blue=2)
    if act != "wait":
        inventory.wait(0, blue=1)
        inventory.replenish(blue=3)
    write = inventory.client.transact_write_items

    def cut(**asked: Any) -> Any:
        monkeypatch.undo()
        if after:
            write(**asked)
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems")

    steps = {
        "wait": lambda: inventory.reserve(0, "BACK_ORDER", blue=1)["outcome"],
        "allocate": lambda: inventory.sweep() and inventory.row(0)["status"],
        "withdraw": lambda: inventory.release(0)["outcome"],
    }
    with monkeypatch.context() as amid:
        amid.setattr(inventory.client, "transact_write_items", cut)
        monkeypatch = amid
        with suppress(ClientError):
            steps[act]()
    assert steps[act]() == {"wait": "WAITING", "allocate": "HELD", "withdraw": "RELEASED"}[act]
    assert queue(inventory) == {"wait": [2, 1], "allocate": [], "withdraw": [2]}[act]


def test_order_that_joins_during_an_allocation_comes_after_it(
    inventory: InventoryService, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory.wait(0, blue=1)
    inventory.replenish(blue=1)
    get = table.StockRows.get

    def joined_amid_it(rows: table.StockRows, row_id: str) -> Any:
        found = get(rows, row_id)
        monkeypatch.undo()
        inventory.wait(1, blue=1)
        return found

    with monkeypatch.context() as amid:
        amid.setattr(table.StockRows, "get", joined_amid_it)
        monkeypatch = amid
        inventory.sweep()
    assert (statuses(inventory, 0, 1), queue(inventory)) == (["HELD", "WAITING"], [1])


def test_unknown_if_short_raises_an_error(inventory: InventoryService) -> None:
    with pytest.raises(ValueError, match="'MAYBE' is not one of REJECT, ALLOW_PARTIAL, BACK_ORDER"):
        inventory.reserve(0, "MAYBE", blue=1)
