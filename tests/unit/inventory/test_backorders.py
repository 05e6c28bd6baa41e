"""Short stock: a part for an order that allows it, a place in the queue for one that waits."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kernel import clock
from kernel.aggregate_store import marshal
from kernel.batch_reads import UnreadRowsError
from services.inventory.domain import stock
from services.inventory.domain.decisions import LinesMismatchError
from services.inventory.storage import places
from tests.unit.inventory.conftest import BLUE, GIANT, Amid, InventoryService, Switch, lines, order


@pytest.fixture(autouse=True)
def balanced(inventory: InventoryService) -> Iterator[None]:
    yield
    inventory.assert_books_balance()


def statuses(inventory: InventoryService, *numbers: int) -> list[str]:
    return [inventory.row(number)["status"] for number in numbers]


def queue(inventory: InventoryService, sku: str = BLUE) -> list[int]:
    """Return the quantities that the waiting orders need, in the order of the queue."""
    return [place["quantity"] for place in inventory.queue(sku)]


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
    waiting = {"outcome": "WAITING", "lines": lines(giant=1, blue=5), "short": short}
    assert inventory.reserve(0, "BACK_ORDER", blue=5, giant=1) == waiting
    assert inventory.events() == [("StockBackordered", {"lines": lines(giant=1, blue=5), "short": short})]
    assert (inventory.stock(BLUE), inventory.stock(GIANT)) == ((2, 0, 0), (9, 0, 0))
    assert inventory.reserve(0, "BACK_ORDER", blue=5, giant=1) == waiting
    assert (queue(inventory), queue(inventory, GIANT)) == ([5], [1])


def test_back_order_can_wait_for_an_unknown_sku(inventory: InventoryService) -> None:
    inventory.wait(0, blue=1)
    assert inventory.skus.get(BLUE) == {
        "sku": BLUE,
        **dict.fromkeys(stock.COUNTERS, 0),
        "waited_for": 1,
        "first_place": 0,
        "next_place": 1,
        **dict.fromkeys(("shards", "merging", "splits"), 0),
        "waiting": [],
        "watched": False,
    }
    assert inventory.queue() == [
        {"pk": f"PLACE#{BLUE}#0", "sku": BLUE, "place": 0, "order_id": inventory.row()["order_id"], "quantity": 1}
    ]


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


def test_order_that_cannot_be_served_stops_none_behind_it(
    inventory: InventoryService, capsys: pytest.CaptureFixture[str]
) -> None:
    def set_correlation_id(text: str) -> None:
        inventory.client.update_item(
            TableName="inventory",
            Key=marshal({"pk": f"RES#{order(0)}"}),
            UpdateExpression="SET correlation_id = :text",
            ExpressionAttributeValues=marshal({":text": text}),
        )

    for number in range(3):
        inventory.wait(number, blue=1)
    inventory.watch(9)
    set_correlation_id("too long for an event" * 20)
    inventory.replenish(blue=2)

    swept = inventory.sweep()

    assert statuses(inventory, 0, 1, 2) == ["WAITING", "HELD", "WAITING"], "its unit stays its own"
    assert (swept["looked_at"], swept["failed"]) == (0, 1)
    assert '"StockNotLookedAt":[1' in capsys.readouterr().out
    level = inventory.levels.get(BLUE)
    assert level
    assert level["status"] == "LOW", "its alert is evaluated too"
    set_correlation_id("correlation-1")
    inventory.sweep()
    assert statuses(inventory, 0, 1, 2) == ["HELD", "HELD", "WAITING"]


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


def test_row_of_the_sku_does_not_grow_with_its_queue(inventory: InventoryService) -> None:
    inventory.wait(0, blue=1)
    before = inventory.skus.get(BLUE)
    for number in range(1, 9):
        inventory.wait(number, blue=1)
    assert inventory.skus.get(BLUE) == {**before, "waited_for": 9, "next_place": 9}


def test_places_are_read_in_pages_and_in_order(inventory: InventoryService) -> None:
    for number in (250, 3, 101, 99, 7):
        action = places.take("inventory", stock.Join(BLUE, 1, order(), number))
        inventory.client.update_item(**action["Update"])
    found = inventory.backorders.places.between(BLUE, 7, 251)
    assert [row["place"] for row in found] == [7, 99, 101, 250]


def test_back_order_for_too_many_skus_for_a_transaction_is_rejected(inventory: InventoryService) -> None:
    many = [{"sku": f"SKU-{number}", "quantity": 1} for number in range(stock.MAX_SKUS)]
    assert inventory.of_order("reserve", 0, lines=many, if_short="BACK_ORDER")["outcome"] == "REJECTED"
    assert inventory.of_order("reserve", 1, lines=many[1:], if_short="BACK_ORDER")["outcome"] == "WAITING"


def test_queue_begins_at_its_first_order_after_a_sweep(inventory: InventoryService) -> None:
    for number in range(4):
        inventory.wait(number, blue=1)
    inventory.release(2)
    inventory.replenish(blue=1)
    inventory.sweep()
    assert inventory.skus.get(BLUE)["first_place"] == 1
    inventory.release(1)
    inventory.release(3)
    inventory.sweep()
    assert inventory.skus.get(BLUE)["first_place"] == 4


def test_orders_that_join_at_once_get_two_places(inventory: InventoryService) -> None:
    inventory.wait(0, blue=1)
    inventory.database.client = Amid(
        inventory.client,
        lambda operation, request: operation == "transact_write_items" and "PLACE#" in str(request),
        lambda: inventory.wait(1, blue=2),
    )
    inventory.wait(2, blue=3)
    assert queue(inventory) == [1, 2, 3]
    assert [inventory.row(number)["places"] for number in range(3)] == [{BLUE: 0}, {BLUE: 1}, {BLUE: 2}]


class Throttled(Switch):
    """A client that never reads the first key of a BatchGetItem."""

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803
        ((table_name, wanted),) = RequestItems.items()
        first, *rest = wanted["Keys"]
        read = {table_name: {**wanted, "Keys": rest}}
        answer = self.client.batch_get_item(RequestItems=read) if rest else {"Responses": {}}
        return {**answer, "UnprocessedKeys": {table_name: {**wanted, "Keys": [first]}}}


def test_unread_place_is_not_a_free_one(inventory: InventoryService) -> None:
    inventory.wait(0, blue=2)
    inventory.wait(1, blue=1)
    inventory.replenish(blue=1)
    unread = places.Places(Throttled(inventory.client), "inventory", pause=lambda seconds: None)
    with pytest.raises(UnreadRowsError):
        replace(inventory.backorders, places=unread).serve(BLUE, until=clock.now() + timedelta(minutes=1))
    assert statuses(inventory, 0, 1) == ["WAITING", "WAITING"]


def test_sweep_that_ends_before_the_queue_leaves_the_sku_due(inventory: InventoryService) -> None:
    inventory.wait(0, blue=1)
    inventory.replenish(blue=1)
    now = clock.now()
    assert not inventory.backorders.serve(BLUE, until=now - timedelta(seconds=1)).complete
    assert statuses(inventory, 0) == ["WAITING"]


def waits_as_before(inventory: InventoryService, number: int, quantity: int) -> None:
    """Let an order wait as an older version stored it: in the queue of the SKU's row, without a place."""
    inventory.wait(number, blue=quantity)
    (*_, place) = inventory.queue()
    inventory.client.delete_item(TableName="inventory", Key=marshal({"pk": place["pk"]}))
    inventory.client.update_item(
        TableName="inventory",
        Key=marshal({"pk": f"RES#{place['order_id']}"}),
        UpdateExpression="REMOVE places",
    )
    inventory.client.update_item(
        TableName="inventory",
        Key=marshal({"pk": f"SKU#{BLUE}"}),
        UpdateExpression="SET waiting = list_append(if_not_exists(waiting, :none), :joins) REMOVE next_place",
        ExpressionAttributeValues=marshal({":none": [], ":joins": [{"order_id": place["order_id"], "quantity": quantity}]}),
    )


def test_order_that_an_older_version_let_wait_is_served_first(inventory: InventoryService) -> None:
    waits_as_before(inventory, 0, 2)
    waits_as_before(inventory, 1, 1)
    inventory.wait(2, blue=1)
    inventory.replenish(blue=2)
    inventory.sweep()
    assert statuses(inventory, 0, 1, 2) == ["HELD", "WAITING", "WAITING"]
    inventory.replenish("delivery-2", blue=2)
    inventory.sweep()
    assert statuses(inventory, 0, 1, 2) == ["HELD", "HELD", "HELD"]
    assert inventory.stock() == (0, 4, 0)


def test_order_that_an_older_version_let_wait_can_leave(inventory: InventoryService) -> None:
    waits_as_before(inventory, 0, 2)
    waits_as_before(inventory, 1, 1)
    inventory.wait(2, blue=1)
    inventory.release(0)
    inventory.replenish(blue=1)
    inventory.sweep()
    assert statuses(inventory, 0, 1, 2) == ["RELEASED", "HELD", "WAITING"]


class Cut(Switch):
    """A client that fails the first transaction: `after` it was written, or before."""

    def __init__(self, client: Any, *, after: bool) -> None:
        super().__init__(client)
        self.after = after
        self.was_cut = False

    def transact_write_items(self, **request: Any) -> Any:
        if self.was_cut or self.after:
            answer = self.client.transact_write_items(**request)
        if self.was_cut:
            return answer
        self.was_cut = True
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("act", ["wait", "allocate", "withdraw"])
def test_step_of_a_back_order_cut_at_any_call_has_one_effect(inventory: InventoryService, act: str, after: bool) -> None:
    inventory.wait(1, blue=2)
    if act != "wait":
        inventory.wait(0, blue=1)
        inventory.replenish(blue=3)
    steps = {
        "wait": lambda: inventory.reserve(0, "BACK_ORDER", blue=1)["outcome"],
        "allocate": lambda: inventory.sweep() and inventory.row(0)["status"],
        "withdraw": lambda: inventory.release(0)["outcome"],
    }
    inventory.database.client = Cut(inventory.client, after=after)
    with suppress(ClientError):
        steps[act]()
    assert inventory.database.client.was_cut
    assert steps[act]() == {"wait": "WAITING", "allocate": "HELD", "withdraw": "RELEASED"}[act]
    assert queue(inventory) == {"wait": [2, 1], "allocate": [], "withdraw": [2]}[act]


def test_order_that_joins_during_an_allocation_comes_after_it(inventory: InventoryService) -> None:
    inventory.wait(0, blue=1)
    inventory.replenish(blue=1)
    inventory.database.client = Amid(
        inventory.client,
        lambda operation, request: operation == "transact_write_items",
        lambda: inventory.wait(1, blue=1),
    )
    inventory.sweep()
    assert (statuses(inventory, 0, 1), queue(inventory)) == (["HELD", "WAITING"], [1])


def test_unknown_if_short_raises_an_error(inventory: InventoryService) -> None:
    with pytest.raises(ValueError, match="'MAYBE' is not one of REJECT, ALLOW_PARTIAL, BACK_ORDER"):
        inventory.reserve(0, "MAYBE", blue=1)
