"""Split stock: orders reserve in shards; the last units of a sale are found in one row."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from services.inventory.domain import stock
from services.inventory.domain.stock import MAX_ROWS, Home, SplitShortError, Stock
from services.inventory.storage.shards import Shards
from services.inventory.storage.table import TRIES
from services.inventory.use_cases.split_stock import KnownSplits, SplitStock
from tests.unit.inventory.conftest import BLUE, Amid, InventoryService, lines


@pytest.fixture(autouse=True)
def balanced(inventory: InventoryService) -> Iterator[None]:
    yield
    inventory.assert_books_balance()


def split(inventory: InventoryService, shards: int, sku: str = BLUE) -> dict[str, Any]:
    return inventory.operate("split", sku=sku, shards=shards)


def available(inventory: InventoryService) -> list[int]:
    """Return the available units of each row, first of the SKU's own."""
    rows = {row.get("shard_number", 0): row["available"] for row in inventory.rows if row["pk"].startswith(("SKU#", "SHARD#"))}
    return [rows[shard] for shard in sorted(rows)]


def splits(inventory: InventoryService) -> SplitStock:
    return SplitStock(inventory.skus, Shards(inventory.client, "inventory"))


def test_split_gives_each_row_an_equal_share(inventory: InventoryService) -> None:
    inventory.replenish(blue=10)
    assert split(inventory, 4) == {"outcome": "SPLIT", "shards": 4}
    assert available(inventory) == [2, 2, 2, 2, 2]
    assert split(inventory, 4) == {"outcome": "SPLIT", "shards": 4}
    assert split(inventory, 2) == {"outcome": "SPLIT", "shards": 2}
    assert available(inventory) == [0, 5, 5, 0, 0]
    assert split(inventory, 1) == {"outcome": "MERGED", "shards": 1}
    assert available(inventory) == [10, 0, 0, 0, 0]


@pytest.mark.parametrize("shards", [0, MAX_ROWS + 1, True, "2"])
def test_number_of_shards_out_of_range_is_refused(inventory: InventoryService, shards: object) -> None:
    with pytest.raises(ValueError, match="must be an integer from 1 to 99"):
        inventory.operate("split", sku=BLUE, shards=shards)


def test_orders_of_a_split_sku_write_different_rows(inventory: InventoryService) -> None:
    inventory.replenish(blue=100)
    split(inventory, 4)
    for number in range(20):
        assert inventory.reserve(number, blue=1)["outcome"] == "HELD"
    shards = [inventory.row(number).get("shards", {}).get(BLUE, 0) for number in range(20)]
    assert [shards.count(shard) for shard in range(1, 5)] == [5, 5, 5, 5], "they take turns"
    assert available(inventory) == [0, 20, 20, 20, 20]
    assert inventory.commit(0) == {"outcome": "COMMITTED"}


def test_units_that_came_later_are_spread_by_another_split(inventory: InventoryService) -> None:
    inventory.replenish(blue=4)
    split(inventory, 2)
    inventory.replenish("delivery-2", blue=4)
    assert available(inventory) == [4, 2, 2]
    assert split(inventory, 2) == {"outcome": "SPLIT", "shards": 2}
    assert available(inventory) == [0, 4, 4]


def test_order_tries_more_shards_than_it_may_lose_races(inventory: InventoryService) -> None:
    shards = TRIES + 2
    inventory.replenish(blue=shards)
    split(inventory, shards)
    inventory.replenish("delivery-2", blue=2)
    assert inventory.reserve(0, blue=2)["outcome"] == "HELD"
    assert "shards" not in inventory.row(0)
    assert inventory.reserve(1, blue=shards)["outcome"] == "HELD", "it merges them all"
    assert available(inventory) == [0] * (shards + 1)


def test_process_forgets_the_shards_of_a_sku_that_all_refused() -> None:
    known = KnownSplits({BLUE: 2})
    assert known.after({f"{BLUE}#1": Stock()}) == {BLUE: 2}
    assert known.after({f"{BLUE}#1": Stock(), f"{BLUE}#2": Stock()}) == {}
    assert known.after({BLUE: Stock(shards=8)}) == {BLUE: 8}
    assert known.after({BLUE: Stock()}) == {}


def test_released_units_of_a_shard_come_back_into_the_row_of_the_sku(inventory: InventoryService) -> None:
    inventory.replenish(blue=4)
    split(inventory, 2)
    for number in range(4):
        inventory.reserve(number, blue=1)
    assert available(inventory) == [0, 0, 0]
    for number in range(3):
        inventory.commit(number)
    for number in range(4):
        inventory.release(number)
    assert available(inventory) == [4, 0, 0]


def test_last_units_in_several_shards_are_sold_together(inventory: InventoryService) -> None:
    inventory.replenish(blue=4)
    split(inventory, 4)
    assert inventory.reserve(0, blue=3)["outcome"] == "HELD"
    assert available(inventory) == [1, 0, 0, 0, 0]
    assert inventory.skus.get(BLUE)["shards"] == 0  # type: ignore[index]


def test_order_is_refused_only_by_all_rows(inventory: InventoryService) -> None:
    inventory.replenish(blue=4)
    split(inventory, 4)
    answer = inventory.reserve(0, blue=5)
    assert (answer["outcome"], answer["short"]) == ("REJECTED", [{"sku": BLUE, "requested": 5, "available": 4}])
    assert inventory.reserve(1, "ALLOW_PARTIAL", blue=5)["lines"] == lines(blue=4)


def test_back_order_waits_at_a_merged_sku_which_cannot_be_split(inventory: InventoryService) -> None:
    inventory.replenish(blue=4)
    split(inventory, 2)
    inventory.wait(0, blue=5)
    assert available(inventory) == [4, 0, 0]
    assert split(inventory, 2) == {"outcome": "MERGED", "shards": 1}
    assert inventory.reserve(1, blue=1)["outcome"] == "REJECTED", "the four are kept for the order that waits"
    inventory.replenish("delivery-2", blue=1)
    inventory.sweep()
    assert inventory.row(0)["status"] == "HELD"


def test_sku_that_is_split_before_an_order_takes_its_place_is_merged_again(inventory: InventoryService) -> None:
    """The order sees the row of the SKU short, and a delivery and a split come before it waits."""
    inventory.replenish(blue=1)

    def happening() -> None:
        inventory.replenish("delivery-2", blue=1)
        split(inventory, 2)

    inventory.database.client = Amid(
        inventory.client,
        lambda operation, request: operation == "transact_write_items" and "PLACE#" in str(request),
        happening,
    )
    assert inventory.reserve(0, "BACK_ORDER", blue=2)["outcome"] == "HELD"


def test_back_order_waits_though_the_process_takes_a_merged_sku_for_split(inventory: InventoryService) -> None:
    inventory.replenish(blue=4)
    split(inventory, 2)
    inventory.reserve(0, blue=1)
    assert split(inventory, 1)["outcome"] == "MERGED"
    assert inventory.reserve(1, "BACK_ORDER", blue=1, giant=1)["outcome"] == "WAITING"


def test_sweeper_ends_a_merge_that_was_begun(inventory: InventoryService) -> None:
    inventory.replenish(blue=4)
    split(inventory, 4)
    seen = inventory.skus.get(BLUE)
    assert seen
    assert splits(inventory).shards.begin_merge(BLUE, seen)
    assert available(inventory) == [0, 1, 1, 1, 1]
    inventory.sweep()
    assert available(inventory) == [4, 0, 0, 0, 0]
    assert inventory.skus.get(BLUE)["merging"] == 0  # type: ignore[index]


def test_sku_that_begins_to_merge_amid_a_sweep_stays_due(inventory: InventoryService) -> None:
    inventory.replenish(blue=4)
    split(inventory, 2)
    before = inventory.skus.get(BLUE)
    assert before
    assert splits(inventory).shards.begin_merge(BLUE, before)
    inventory.skus.clear_due(BLUE, before, 0)
    inventory.sweep()
    assert available(inventory) == [4, 0, 0]


def test_late_merge_ends_no_merge_after_it(inventory: InventoryService) -> None:
    inventory.replenish(blue=4)
    split(inventory, 2)
    first = inventory.skus.get(BLUE)
    assert first
    split(inventory, 1)
    split(inventory, 2)
    second = inventory.skus.get(BLUE)
    assert second
    shards = splits(inventory).shards
    assert not shards.begin_merge(BLUE, first)
    assert shards.begin_merge(BLUE, second)
    assert not shards.end_merge(BLUE, first["splits"])


def test_api_sums_the_shards(inventory: InventoryService) -> None:
    inventory.replenish(blue=10)
    split(inventory, 3)
    for number in range(5):
        inventory.reserve(number, blue=1)
    inventory.commit(0)
    seen = inventory.skus.get(BLUE)
    assert seen
    assert splits(inventory).total(seen) == {"available": 5, "held": 4, "sold": 1, "replenished": 10}


def test_ring_begins_at_the_turn_and_passes_short_rows() -> None:
    seen = {BLUE: Stock(shards=3)} | {f"{BLUE}#{shard}": Stock() for shard in (1, 2, 3)}
    homes = [stock.homes({BLUE: 1}, {}, {BLUE: 3}, turn)[BLUE] for turn in range(4)]
    assert homes == [Home(1, 3), Home(2, 3), Home(3, 3), Home(1, 3)]
    with pytest.raises(SplitShortError):
        stock.homes({BLUE: 1}, seen, {}, 0)
    seen.pop(f"{BLUE}#2")
    assert stock.homes({BLUE: 1}, seen, {}, 0) == {BLUE: Home(2, 3)}
    seen[f"{BLUE}#2"], seen[BLUE] = Stock(), Stock(available=1, shards=3)
    assert stock.homes({BLUE: 1}, seen, {}, 0) == {BLUE: Home(0, 3)}


def test_a_flash_sale_sells_every_unit_once(inventory: InventoryService) -> None:
    """Orders, releases, splits and merges in a random order: an order is refused only if all rows together are short."""
    random = Random(1)
    inventory.replenish(blue=12)
    for number in range(26):
        if random.random() < 0.3:
            split(inventory, random.choice((1, 2, 3, 5)))
        left = sum(available(inventory))
        wants = random.choice((1, 1, 2))
        outcome = inventory.reserve(number, blue=wants)["outcome"]
        assert outcome == ("HELD" if wants <= left else "REJECTED")
        if outcome == "HELD" and random.random() < 0.3:
            inventory.commit(number)
        if outcome == "HELD" and random.random() < 0.2:
            inventory.release(number)
    assert sum(available(inventory)) == 0 or outcome == "HELD" or wants > sum(available(inventory))
