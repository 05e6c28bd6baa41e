"""A watched SKU: one event when it runs low, and another when it does so again, whatever happens in between."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.outboxes import events_in
from tests.unit.inventory.conftest import BLUE, GIANT, Amid, InventoryService


def told(inventory: InventoryService, sku: str = BLUE) -> list[tuple[str, dict[str, Any]]]:
    """Return the events in the SKU's level: (event id, data)."""
    level = inventory.levels.get(sku)
    assert level
    events = [event["detail"] for event in events_in(level.get("pending", []))]
    return [(event["metadata"]["event_id"], event["data"]) for event in events]


def due(inventory: InventoryService) -> set[str]:
    """Return the SKUs that are due for sweeping."""
    items = inventory.client.scan(TableName="inventory", IndexName="due")["Items"]
    return {item["pk"]["S"] for item in items if item["pk"]["S"].startswith("SKU#")}


def test_stock_below_the_threshold_is_published_once(inventory: InventoryService) -> None:
    inventory.replenish(blue=10)
    assert inventory.watch(5) == {"outcome": "ENOUGH", "threshold": 5}
    inventory.reserve(0, blue=5)
    swept = inventory.sweep()
    assert (swept["looked_at"], swept["failed"], swept["republished"]) == (1, 0, 0)
    assert told(inventory) == [], "five of five are enough"
    inventory.reserve(1, blue=2)
    for _ in range(2):
        inventory.sweep()
    inventory.reserve(2, blue=1)
    inventory.sweep()
    assert told(inventory) == [(f"LEVEL#{BLUE}#2", {"sku": BLUE, "available": 3, "threshold": 5})]


def test_stock_that_recovered_is_published_again_when_low(inventory: InventoryService) -> None:
    inventory.replenish(blue=5)
    inventory.watch(5)
    inventory.reserve(0, blue=1)
    inventory.sweep()
    inventory.release(0)
    inventory.sweep()
    inventory.reserve(1, blue=2)
    inventory.sweep()
    assert [event_id for event_id, _ in told(inventory)] == [f"LEVEL#{BLUE}#2", f"LEVEL#{BLUE}#4"]


def test_stock_already_low_is_published_when_watched(inventory: InventoryService) -> None:
    assert inventory.watch(1)["outcome"] == "LOW", "of what was never replenished there is nothing"
    assert told(inventory) == [(f"LEVEL#{BLUE}#2", {"sku": BLUE, "available": 0, "threshold": 1})]


def test_only_a_new_threshold_publishes_again(inventory: InventoryService) -> None:
    inventory.replenish(blue=3)
    assert inventory.watch(5)["outcome"] == inventory.watch(5)["outcome"] == "LOW"
    assert inventory.watch(4)["outcome"] == "LOW"
    assert inventory.watch(3)["outcome"] == "ENOUGH"
    assert [data["threshold"] for _, data in told(inventory)] == [5, 4]


def test_threshold_of_zero_disables_the_alert(inventory: InventoryService) -> None:
    inventory.replenish(blue=3)
    inventory.watch(0)
    inventory.reserve(0, blue=3)
    inventory.sweep()
    assert told(inventory) == []


def test_order_makes_only_a_watched_sku_due(inventory: InventoryService) -> None:
    inventory.replenish(blue=3, giant=3)
    inventory.watch(1, GIANT)
    inventory.sweep()
    inventory.reserve(0, blue=1)
    assert due(inventory) == set()
    inventory.reserve(1, giant=1)
    assert due(inventory) == {f"SKU#{GIANT}"}


def test_process_learns_once_that_a_sku_is_watched(inventory: InventoryService) -> None:
    inventory.replenish(blue=3)
    inventory.watch(1)
    asked: list[str] = []

    def notes(operation: str, request: Mapping[str, Any]) -> bool:
        asked.append(operation)
        return False

    inventory.database.client = Amid(inventory.client, notes, refuse)
    inventory.reserve(0, blue=1)
    inventory.reserve(1, blue=1)
    assert asked.count("transact_write_items") == 3, "the first was refused, since it took the SKU for one that is not watched"


def test_sku_with_a_threshold_from_before_it_was_known_becomes_watched(inventory: InventoryService) -> None:
    inventory.watch(2)
    inventory.replenish(blue=3)
    inventory.sweep()
    inventory.reserve(0, blue=2)
    assert due(inventory) == {f"SKU#{BLUE}"}
    inventory.sweep()
    assert told(inventory)[-1] == (f"LEVEL#{BLUE}#4", {"sku": BLUE, "available": 1, "threshold": 2})


def test_only_a_change_of_available_stock_makes_a_sku_due(inventory: InventoryService) -> None:
    inventory.replenish(blue=3, giant=3)
    assert due(inventory) == {f"SKU#{BLUE}", f"SKU#{GIANT}"}
    inventory.watch(1)
    inventory.sweep()
    assert due(inventory) == set()
    inventory.reserve(0, blue=1)
    inventory.reserve(1, blue=1)
    assert due(inventory) == {f"SKU#{BLUE}"}
    assert inventory.sweep()["looked_at"] == 1
    inventory.commit(0)
    assert due(inventory) == set(), "what is held and then sold was not available before either"


def clears_due(operation: str, request: Mapping[str, Any]) -> bool:
    """Match the request that clears the due marker of a SKU."""
    return operation == "update_item" and request["UpdateExpression"].startswith("REMOVE")


def refuse() -> None:
    raise ConnectionResetError


def test_change_during_the_evaluation_makes_the_sku_due_again(inventory: InventoryService) -> None:
    inventory.replenish(blue=6)
    inventory.watch(5)
    inventory.reserve(0, blue=1)
    inventory.database.client = Amid(inventory.client, clears_due, lambda: inventory.reserve(1, blue=2))
    inventory.sweep()
    assert (told(inventory), due(inventory)) == ([], {f"SKU#{BLUE}"})
    inventory.sweep()
    assert told(inventory) == [(f"LEVEL#{BLUE}#2", {"sku": BLUE, "available": 3, "threshold": 5})]


def test_crash_after_the_alert_publishes_no_second_one(inventory: InventoryService) -> None:
    inventory.replenish(blue=6)
    inventory.watch(5)
    inventory.reserve(0, blue=3)
    inventory.database.client = Amid(inventory.client, clears_due, refuse)
    assert inventory.sweep()["failed"] == 1
    swept = inventory.sweep()
    assert (swept["looked_at"], swept["failed"], swept["republished"]) == (1, 0, 0)
    assert len(told(inventory)) == 1


def test_failed_sku_stops_no_other(inventory: InventoryService, capsys: pytest.CaptureFixture[str]) -> None:
    def reads_blue(operation: str, request: Mapping[str, Any]) -> bool:
        return operation == "get_item" and request["Key"]["pk"]["S"] == f"SKU#{BLUE}"

    inventory.replenish(blue=1, giant=1)
    inventory.watch(5, GIANT)
    inventory.database.client = Amid(inventory.client, reads_blue, refuse)
    assert inventory.sweep()["failed"] == 1
    assert '"StockNotLookedAt":[1' in capsys.readouterr().out
    assert due(inventory) == {f"SKU#{BLUE}"}


@pytest.mark.parametrize(
    ("sku", "threshold", "said"),
    [
        ("a b", 1, "a b is not a SKU"),
        (BLUE, -1, "the threshold of LP-KIND-OF-BLUE is -1; it must be an integer from 0"),
        (BLUE, "5", "the threshold of LP-KIND-OF-BLUE is '5'"),
        (BLUE, True, "is True; it must be"),
        (BLUE, 1_000_001, "from 0 to 1000000"),
    ],
)
def test_malformed_threshold_is_refused(inventory: InventoryService, sku: str, threshold: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        inventory.watch(threshold, sku)
