"""The inventory's commands: answers, counters, events, and what repeating, racing or cutting them does."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kernel.aggregate_store import ContentionError
from kernel.commands import InvalidCommandError, UnknownCommandError
from services.inventory.domain.decisions import LinesMismatchError, NoReservationError, StockCorruptError
from services.inventory.domain.stock import InvalidLinesError
from tests.support.crashes import Crash, Moment, Mortal
from tests.support.outboxes import events_in
from tests.support.receipts import wanted
from tests.unit.inventory.conftest import BLUE, GIANT, Amid, InventoryService, Switch, lines, order


@pytest.fixture(autouse=True)
def books(inventory: InventoryService) -> Iterator[None]:
    """Ten of one record, three of another; and the books balance whatever the test has done."""
    inventory.replenish(blue=10, giant=3)
    yield
    inventory.assert_books_balance()


def short(sku: str, requested: int, available: int) -> dict[str, Any]:
    return {"sku": sku, "requested": requested, "available": available}


def test_lines_are_held_and_then_sold(inventory: InventoryService) -> None:
    assert inventory.reserve(blue=2, giant=1)["outcome"] == "HELD"
    assert (inventory.stock(BLUE), inventory.stock(GIANT)) == ((8, 2, 0), (2, 1, 0))
    assert inventory.commit() == {"outcome": "COMMITTED"}
    assert (inventory.stock(BLUE), inventory.stock(GIANT)) == ((8, 0, 2), (2, 0, 1))

    sold = {"lines": [{"sku": GIANT, "quantity": 1}, {"sku": BLUE, "quantity": 2}]}
    assert inventory.events() == [("StockReserved", sold), ("StockCommitted", sold)]
    assert inventory.row()["version"] == 2


def test_lines_of_one_sku_are_merged(inventory: InventoryService) -> None:
    twice = [*lines(blue=2), *lines(blue=3)]

    assert inventory.of_order("reserve", 0, lines=twice)["outcome"] == "HELD"
    assert inventory.stock() == (5, 5, 0)
    assert inventory.of_order("reserve", 0, lines=lines(blue=5))["outcome"] == "HELD"


def test_too_little_of_one_sku_holds_nothing_of_any(inventory: InventoryService) -> None:
    rejected = {"outcome": "REJECTED", "reason": "OUT_OF_STOCK", "short": [short(GIANT, 4, 3)]}

    assert inventory.reserve(blue=2, giant=4) == rejected

    assert (inventory.stock(BLUE), inventory.stock(GIANT)) == ((10, 0, 0), (3, 0, 0))
    assert (inventory.row()["status"], inventory.row()["rejected"]) == ("RELEASED", True)
    [(detail_type, data)] = inventory.events()
    assert (detail_type, data["short"]) == ("StockRejected", [short(GIANT, 4, 3)])


def test_every_sku_that_is_short_is_named(inventory: InventoryService) -> None:
    assert inventory.reserve(blue=11, giant=4)["short"] == [short(GIANT, 4, 3), short(BLUE, 11, 10)]


def test_unknown_sku_has_no_stock(inventory: InventoryService) -> None:
    answer = inventory.of_order("reserve", 0, lines=[{"sku": "LP-UNKNOWN", "quantity": 1}])

    assert answer["short"] == [short("LP-UNKNOWN", 1, 0)]
    assert inventory.skus.get("LP-UNKNOWN") is None


def test_rejection_is_final(inventory: InventoryService) -> None:
    rejected = inventory.reserve(giant=4)
    inventory.replenish("delivery-2", giant=9)

    assert inventory.reserve(giant=4) == rejected
    assert inventory.release() == {"outcome": "RELEASED"}
    assert inventory.commit() == {"outcome": "RELEASED"}
    assert inventory.stock(GIANT) == (12, 0, 0)
    assert len(inventory.events()) == 1


def test_repeated_reserve_is_held_although_the_stock_is_gone(inventory: InventoryService) -> None:
    assert inventory.reserve(blue=10)["outcome"] == "HELD"

    assert inventory.reserve(blue=10)["outcome"] == "HELD"
    assert inventory.stock() == (0, 10, 0)
    inventory.commit()
    assert inventory.reserve(blue=10)["outcome"] == "COMMITTED"
    assert inventory.stock() == (0, 0, 10)


def test_held_stock_is_released_once(inventory: InventoryService) -> None:
    inventory.reserve(blue=2)

    assert inventory.release() == {"outcome": "RELEASED"}
    assert inventory.release() == {"outcome": "RELEASED"}
    assert inventory.commit() == {"outcome": "RELEASED"}
    assert inventory.reserve(blue=2)["outcome"] == "RELEASED"

    assert inventory.stock() == (10, 0, 0)
    assert inventory.events()[1:] == [("StockReleased", {"lines": lines(blue=2), "restocked": False})]


def test_sold_stock_is_restocked_once(inventory: InventoryService) -> None:
    inventory.reserve(blue=2)
    inventory.commit()

    assert inventory.release() == {"outcome": "RESTOCKED"}
    assert inventory.release() == {"outcome": "RESTOCKED"}
    assert inventory.commit() == {"outcome": "RESTOCKED"}

    assert inventory.stock() == (10, 0, 0)
    assert inventory.events()[2:] == [("StockReleased", {"lines": lines(blue=2), "restocked": True})]


def test_a_release_before_its_reserve_leaves_a_tombstone(inventory: InventoryService) -> None:
    assert inventory.release() == {"outcome": "RELEASED"}
    assert inventory.release() == {"outcome": "RELEASED"}
    assert inventory.reserve(blue=2)["outcome"] == "RELEASED"
    assert inventory.commit() == {"outcome": "RELEASED"}

    assert (inventory.row()["order_id"], inventory.row()["version"]) == (order(), 1)
    assert inventory.events() == []
    assert inventory.stock() == (10, 0, 0)


def test_commit_sells_once(inventory: InventoryService) -> None:
    inventory.reserve(blue=2)

    assert inventory.commit() == inventory.commit() == {"outcome": "COMMITTED"}
    assert inventory.stock() == (8, 0, 2)


def test_commit_without_a_reservation_raises_an_error(inventory: InventoryService) -> None:
    with pytest.raises(NoReservationError):
        inventory.commit()


def test_same_order_with_other_lines_raises_an_error(inventory: InventoryService) -> None:
    inventory.reserve(blue=2)

    with pytest.raises(LinesMismatchError):
        inventory.reserve(blue=3)
    assert inventory.stock() == (8, 2, 0)


def test_stock_comes_in_once_for_each_delivery(inventory: InventoryService) -> None:
    assert inventory.replenish("delivery-2", blue=5) == {"outcome": "REPLENISHED"}
    assert inventory.replenish("delivery-2", blue=5) == {"outcome": "REPLENISHED"}
    assert inventory.replenish("delivery-3", blue=5) == {"outcome": "REPLENISHED"}

    assert inventory.stock() == (20, 0, 0)
    with pytest.raises(LinesMismatchError):
        inventory.replenish("delivery-2", blue=6)


def test_delivery_publishes_one_event_without_an_order(inventory: InventoryService) -> None:
    inventory.replenish("delivery-2", blue=5)
    inventory.replenish("delivery-2", blue=5)

    row = inventory.replenishments.get("delivery-2")
    assert row
    [event] = events_in(row["pending"])
    assert event["detail-type"] == "StockReplenished"
    assert event["detail"]["metadata"]["event_id"] == "REPL#delivery-2#1"
    assert "order_id" not in event["detail"]["metadata"]


def test_bad_lines_change_nothing(inventory: InventoryService) -> None:
    for bad in ([], [{"sku": BLUE, "quantity": -5}], [{"sku": f"SKU-{n}", "quantity": 1} for n in range(51)]):
        with pytest.raises(InvalidLinesError):
            inventory.of_order("reserve", 0, lines=bad)
        with pytest.raises(InvalidLinesError):
            inventory.operate("replenish", replenishment_id="bad", items=bad)
    with pytest.raises(ValueError, match="is not a replenishment id"):
        inventory.replenish("a delivery", blue=1)
    assert inventory.reservations.get(order()) is None


def test_fifty_skus_go_into_one_transaction(inventory: InventoryService) -> None:
    items = [{"sku": f"SKU-{number}", "quantity": 2} for number in range(50)]
    inventory.operate("replenish", replenishment_id="fifty", items=items)

    assert inventory.of_order("reserve", 0, lines=items)["outcome"] == "HELD"
    assert {inventory.stock(item["sku"]) for item in items} == {(0, 2, 0)}


def test_corrupt_counters_stop_the_release(inventory: InventoryService, dynamodb: Any) -> None:
    inventory.reserve(blue=2)
    spoil = {"TableName": "inventory", "Key": {"pk": {"S": f"SKU#{BLUE}"}}, "UpdateExpression": "ADD held :n"}
    dynamodb.update_item(**spoil, ExpressionAttributeValues={":n": {"N": "-1"}})

    with pytest.raises(StockCorruptError, match=BLUE):
        inventory.release()

    dynamodb.update_item(**spoil, ExpressionAttributeValues={":n": {"N": "1"}})
    assert inventory.release() == {"outcome": "RELEASED"}


def test_unknown_command_raises_an_error(inventory: InventoryService) -> None:
    with pytest.raises(UnknownCommandError, match="'steal' is not one of reserve"):
        inventory("steal")
    with pytest.raises(InvalidCommandError, match="order_id"):
        inventory(
            "reserve", order_id="anything at all", correlation_id="c", causation_id="c", wanted=wanted(order(), lines(blue=1))
        )


def transacts(operation: str, request: Mapping[str, Any]) -> bool:
    """Match a transaction."""
    return operation == "transact_write_items"


@pytest.fixture
def rivalled(inventory: InventoryService) -> Any:
    """Let a rival act just before the next command's transaction."""

    def arrange(rival: Any) -> None:
        inventory.database.client = Amid(inventory.client, transacts, rival)

    return arrange


def test_a_release_during_the_reserve_wins(inventory: InventoryService, rivalled: Any) -> None:
    rivalled(inventory.release)

    assert inventory.reserve(blue=2)["outcome"] == "RELEASED"
    assert inventory.stock() == (10, 0, 0)


def test_reserve_during_the_release_is_released(inventory: InventoryService, rivalled: Any) -> None:
    rivalled(lambda: inventory.reserve(blue=2))

    assert inventory.release() == {"outcome": "RELEASED"}
    assert inventory.stock() == (10, 0, 0)


def test_a_commit_during_the_release_is_restocked(inventory: InventoryService, rivalled: Any) -> None:
    inventory.reserve(blue=2)
    rivalled(inventory.commit)

    assert inventory.release() == {"outcome": "RESTOCKED"}
    assert inventory.stock() == (10, 0, 0)


def test_a_release_during_the_commit_wins(inventory: InventoryService, rivalled: Any) -> None:
    inventory.reserve(blue=2)
    rivalled(inventory.release)

    assert inventory.commit() == {"outcome": "RELEASED"}
    assert inventory.stock() == (10, 0, 0)


def test_the_same_reserve_at_once_holds_once_even_the_last_unit(inventory: InventoryService, rivalled: Any) -> None:
    rivalled(lambda: inventory.reserve(giant=3))

    assert inventory.reserve(giant=3)["outcome"] == "HELD"
    assert inventory.stock(GIANT) == (0, 3, 0)


def test_reserve_rejected_while_its_duplicate_holds_returns_held(inventory: InventoryService) -> None:
    """Depleted by another order, refilled by its release, held by a duplicate: all before the rejection is written."""
    inventory.reserve(1, giant=3)
    client = inventory.client
    rivals = iter([lambda: None, lambda: (inventory.release(1), inventory.reserve(0, giant=3))])

    class Twice(Switch):
        def transact_write_items(self, **call: Any) -> Any:
            next(rivals, lambda: None)()
            return client.transact_write_items(**call)

        def update_item(self, **call: Any) -> Any:
            next(rivals, lambda: None)()
            return client.update_item(**call)

    inventory.database.client = Twice(client)

    assert inventory.reserve(0, giant=3)["outcome"] == "HELD"
    assert inventory.stock(GIANT) == (0, 3, 0)


def test_the_last_unit_goes_to_one_of_two_orders(inventory: InventoryService, rivalled: Any) -> None:
    rivalled(lambda: inventory.reserve(1, giant=2))

    assert inventory.reserve(0, giant=2)["outcome"] == "REJECTED"
    assert inventory.stock(GIANT) == (1, 2, 0)


class Hot:
    """A DynamoDB that, as the real one and unlike moto, cancels a transaction that meets another on one of its rows."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.lock = threading.Lock()
        self.writing = threading.Lock()
        self.busy: set[str] = set()
        self.conflicts = 0

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> Any:  # noqa: N803
        keys = [action["Update"]["Key"]["pk"]["S"] for action in TransactItems]
        with self.lock:
            met = [key in self.busy for key in keys]
            if any(met):
                self.conflicts += 1
                reasons = [{"Code": "TransactionConflict" if conflict else "None"} for conflict in met]
                raise ClientError(
                    {
                        "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
                        "CancellationReasons": reasons,  # type: ignore[typeddict-unknown-key]
                    },
                    "TransactWriteItems",
                )
            self.busy.update(keys)
        try:
            with self.writing:  # moto is not made for threads
                return self.client.transact_write_items(TransactItems=TransactItems)
        finally:
            with self.lock:
                self.busy.difference_update(keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


def test_ten_reservers_at_once_all_get_the_hot_sku(inventory: InventoryService) -> None:
    hot = Hot(inventory.client)
    inventory.database.client = hot
    together = threading.Barrier(10)
    answers: dict[int, dict[str, Any]] = {}

    def buy(number: int) -> None:
        together.wait()
        try:
            answers[number] = inventory.reserve(number, blue=1)
        except ContentionError:  # moto took its time: the saga asks again
            answers[number] = inventory.reserve(number, blue=1)

    buyers = [threading.Thread(target=buy, args=(number,)) for number in range(10)]
    for buyer in buyers:
        buyer.start()
    for buyer in buyers:
        buyer.join(timeout=30)

    assert answers == {number: {"outcome": "HELD", "lines": lines(blue=1)} for number in range(10)}
    assert hot.conflicts > 0
    assert inventory.stock() == (0, 10, 0)


WAYS = {
    "reserve": ((), "HELD"),
    "commit": (("reserve",), "COMMITTED"),
    "release": (("reserve",), "RELEASED"),
    "restock": (("reserve", "commit"), "RESTOCKED"),
    "tombstone": ((), "RELEASED"),
    "reject": ((), "REJECTED"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_command_cut_at_any_call_is_finished_by_its_repeat(inventory: InventoryService, way: str, moment: Moment) -> None:
    before, expected = WAYS[way]
    quantity = 4 if way == "reject" else 1

    def run(command: str, number: int) -> dict[str, Any]:
        return (
            inventory.reserve(number, blue=1, giant=quantity) if command == "reserve" else inventory.of_order(command, number)
        )

    command = {"restock": "release", "tombstone": "release", "reject": "reserve"}.get(way, way)
    number, cut = 0, True
    while cut:
        for earlier in before:
            run(earlier, number)
        inventory.database.client = Mortal(inventory.client, number, moment)
        try:
            assert run(command, number)["outcome"] == expected
            cut = False
        except Crash:
            inventory.database.client = inventory.client
            assert run(command, number)["outcome"] == expected
        inventory.database.client = inventory.client
        inventory.assert_books_balance()
        if way in ("reserve", "commit"):
            inventory.release(number)
        number += 1
    assert number > 1


@pytest.mark.parametrize("personal", ["4111111111111111", "4111-1111-1111-1111", "joe@example.com"])
@pytest.mark.parametrize("field", ["replenishment_id", "correlation_id", "causation_id"])
def test_forged_operators_command_stores_no_card_number_and_no_address(
    inventory: InventoryService, field: str, personal: str
) -> None:
    before = inventory.rows
    delivery = {"replenishment_id": "delivery-9", "items": lines(blue=1), field: personal}
    watched = {"sku": BLUE, "threshold": 3, "correlation_id": "c", "causation_id": "c", field: personal}
    with pytest.raises(ValueError, match=r"replenishment id|looks like a card number") as refused:
        inventory.operate("replenish", **delivery)
    assert personal not in str(refused.value)
    if field != "replenishment_id":
        with pytest.raises(ValueError, match="looks like a card number"):
            inventory.operate("watch", **watched)
    assert inventory.rows == before
