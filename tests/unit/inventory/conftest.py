"""An inventory service in a moto account, and its books."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from kernel.aggregate_store import Row, unmarshal
from kernel.receipts import Kind
from services.inventory.functions import commands, operator, sweeper
from services.inventory.storage import table
from tests.support.receipts import as_the_saga, checked, make_key
from tests.support.tables import create_table

BLUE, GIANT = "LP-KIND-OF-BLUE", "LP-GIANT-STEPS"


def order(number: int = 0) -> str:
    """Return the id of an order."""
    return "ord-" + "abcdefghijklmnopqrstuvwxyz"[number] * 26


def lines(**quantities: int) -> list[dict[str, Any]]:
    """`lines(blue=2, giant=1)`."""
    return [{"sku": {"blue": BLUE, "giant": GIANT}[name], "quantity": quantity} for name, quantity in quantities.items()]


class InventoryService:
    """The commands as the saga and the operator call them, and what they leave in the table."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, command: str, **fields: Any) -> dict[str, Any]:
        return commands.handler({"command": command, **fields}, None)

    def operate(self, command: str, **fields: Any) -> dict[str, Any]:
        return operator.handler({"command": command, **fields}, None)

    def of_order(self, command: str, number: int, **fields: Any) -> dict[str, Any]:
        cause = {"correlation_id": "correlation-1", "causation_id": f"ORDER#{order(number)}#1"}
        answer = self(command, order_id=order(number), **cause, **as_the_saga(command, order(number), fields))
        return checked(Kind.STOCK, order(number), answer)

    def reserve(self, number: int = 0, if_short: str = "REJECT", **quantities: int) -> dict[str, Any]:
        return self.of_order("reserve", number, lines=lines(**quantities), if_short=if_short)

    def wait(self, number: int, **quantities: int) -> None:
        """Reserve for a back-order that has to wait."""
        assert self.reserve(number, "BACK_ORDER", **quantities)["outcome"] == "WAITING"

    def commit(self, number: int = 0) -> dict[str, Any]:
        return self.of_order("commit", number)

    def release(self, number: int = 0) -> dict[str, Any]:
        return self.of_order("release", number)

    def replenish(self, replenishment_id: str = "delivery-1", **quantities: int) -> dict[str, Any]:
        return self.operate("replenish", replenishment_id=replenishment_id, items=lines(**quantities))

    def watch(self, threshold: int, sku: str = BLUE) -> dict[str, Any]:
        return self.operate("watch", sku=sku, threshold=threshold, correlation_id="operator", causation_id="operator")

    def sweep(self) -> dict[str, int]:
        return sweeper.handler({}, None)

    def row(self, number: int = 0) -> Row:
        row = table.reservations().get(order(number))
        assert row
        return row

    def events(self, number: int = 0) -> list[tuple[str, dict[str, Any]]]:
        """Return the events in the order's reservation: (detail-type, data)."""
        events = [json.loads(text) for text in self.row(number).get("pending", [])]
        return [(event["detail-type"], event["detail"]["data"]) for event in events]

    def stock(self, sku: str = BLUE) -> tuple[int, int, int]:
        """Return the SKU's (available, held, sold)."""
        row = table.skus().get(sku)
        assert row
        return row["available"], row["held"], row["sold"]

    @property
    def rows(self) -> list[Row]:
        return [unmarshal(item) for item in self.client.scan(TableName="inventory", ConsistentRead=True)["Items"]]

    def assert_books_balance(self) -> None:
        """Invariants S2 and S3, from the rows alone."""
        reserved: Counter[tuple[str, str]] = Counter()
        for row in self.rows:
            for line in row.get("lines", ()):
                reserved[row["status"], line["sku"]] += line["quantity"]
        for row in self.rows:
            if row["pk"].startswith("SKU#"):
                assert min(row["available"], row["held"], row["sold"]) >= 0
                assert row["available"] + row["held"] + row["sold"] == row["replenished"]
                assert row["held"] == reserved["HELD", row["sku"]]
                assert row["sold"] == reserved["COMMITTED", row["sku"]]
                wanted = sum(waiting["quantity"] for waiting in row.get("waiting", ()))
                assert wanted == row.get("waited_for", 0) == reserved["WAITING", row["sku"]]


@pytest.fixture(autouse=True)
def tables(inventory_tables: None) -> None:
    """Every test here has them."""


@pytest.fixture
def inventory_tables(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    create_table(dynamodb, "inventory")
    make_key(monkeypatch)
    monkeypatch.setenv("TABLE_NAME", "inventory")
    monkeypatch.setenv("BUS_NAME", "bus")
    for cached in (table.reservations, table.replenishments, table.levels, table.skus):
        cached.cache_clear()
    yield
    for cached in (table.reservations, table.replenishments, table.levels, table.skus):
        cached.cache_clear()


@pytest.fixture
def inventory(dynamodb: Any, inventory_tables: None) -> InventoryService:
    return InventoryService(dynamodb)
