"""An inventory service in a moto account, and its books."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import clock
from kernel.aggregate_store import Row, unmarshal
from kernel.receipts import Kind
from services.inventory.domain.model import ReservationRow
from services.inventory.functions import api, commands, operator, subscriber, sweeper
from services.inventory.storage.places import Places
from services.inventory.storage.skus import Skus
from services.inventory.storage.table import Levels, Replenishments, Reservations
from services.inventory.use_cases.backorders import Backorders
from tests.support.choreography import STAGE, Bus, DeadLetterQueue, OtherServices
from tests.support.fake_clients import FakeClients
from tests.support.outboxes import events_in
from tests.support.receipts import as_the_saga, checked, make_key
from tests.support.tables import create_table

BLUE, GIANT = "LP-KIND-OF-BLUE", "LP-GIANT-STEPS"


def order(number: int = 0) -> str:
    """Return the id of an order."""
    return "ord-" + "abcdefghijklmnopqrstuvwxyz"[number] * 26


def lines(**quantities: int) -> list[dict[str, Any]]:
    """`lines(blue=2, giant=1)`."""
    return [{"sku": {"blue": BLUE, "giant": GIANT}[name], "quantity": quantity} for name, quantity in quantities.items()]


class Switch:
    """A DynamoDB client that a test may replace by another."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)


class Amid(Switch):
    """A DynamoDB client that runs `happening` before its first request that `matches`."""

    def __init__(self, client: Any, matches: Callable[[str, Mapping[str, Any]], bool], happening: Callable[[], object]) -> None:
        super().__init__(client)
        self.matches = matches
        self.happening = happening
        self.happened = False

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> Any:
            if not self.happened and self.matches(operation, request):
                self.happened = True
                self.happening()
            return getattr(self.client, operation)(**request)

        return call


class InventoryService:
    """The service's functions, invoked as on AWS, and the state that they leave in the table."""

    def __init__(self, clients: FakeClients, environ: Mapping[str, str]) -> None:
        self.database: Switch = clients.dynamodb
        self.client = self.database.client
        self.owners: OtherServices = clients.functions
        self.dead_letters: DeadLetterQueue = clients.sqs
        self.api = api.bootstrap(clients, environ)
        self.commands = commands.bootstrap(clients, environ)
        self.operator = operator.bootstrap(clients, environ)
        self.subscriber = subscriber.bootstrap(clients, environ)
        self.sweeper = sweeper.bootstrap(clients, environ)
        self.reservations = Reservations(self.client, "inventory")
        self.replenishments = Replenishments(self.client, "inventory")
        self.levels = Levels(self.client, "inventory")
        self.skus = Skus(self.client, "inventory")
        self.backorders = Backorders(self.skus, Places(self.client, "inventory"), self.reservations)

    def __call__(self, command: str, **fields: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.commands({"command": command, **fields}, None)
        return answer

    def operate(self, command: str, **fields: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.operator({"command": command, **fields}, None)
        return answer

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

    def sweep(self, after: timedelta = timedelta(0)) -> dict[str, int]:
        """Run the sweeper at a later time."""
        with clock.use_source(lambda: datetime.now(UTC) + after):
            swept: dict[str, int] = self.sweeper({}, None)
        return swept

    def row(self, number: int = 0) -> ReservationRow:
        row = self.reservations.get(order(number))
        assert row
        return row

    def events(self, number: int = 0) -> list[tuple[str, dict[str, Any]]]:
        """Return the events in the order's reservation: (detail-type, data)."""
        events = events_in(self.row(number).get("pending", []))
        return [(event["detail-type"], event["detail"]["data"]) for event in events]

    def stock(self, sku: str = BLUE) -> tuple[int, int, int]:
        """Return the SKU's (available, held, sold)."""
        row = self.skus.get(sku)
        assert row
        return row["available"], row["held"], row["sold"]

    def queue(self, sku: str = BLUE) -> list[Row]:
        """Return the places in the queue of the SKU that an order has, first come first."""
        return places_of(sku, self.rows)

    @property
    def rows(self) -> list[Row]:
        return [unmarshal(item) for item in self.client.scan(TableName="inventory", ConsistentRead=True)["Items"]]

    def assert_books_balance(self) -> None:
        """Assert `stock_is_conserved` and `stock_counters_match_reservations` from the rows alone."""
        rows = self.rows
        reserved: Counter[tuple[str, str]] = Counter()
        for row in rows:
            for line in row.get("lines", ()):
                shard = row.get("shards", {}).get(line["sku"], 0)
                reserved[row["status"], f"{line['sku']}#{shard}"] += line["quantity"]
        for row in rows:
            if row["pk"].startswith(("SKU#", "SHARD#")):
                stock_row = f"{row['sku']}#{row.get('shard_number', 0)}"
                assert min(row["available"], row["held"], row["sold"]) >= 0
                assert row["available"] + row["held"] + row["sold"] == row["replenished"]
                assert row["held"] == reserved["HELD", stock_row]
                assert row["sold"] == reserved["COMMITTED", stock_row]
            if row["pk"].startswith("SKU#"):
                assert row.get("waited_for", 0) == reserved["WAITING", f"{row['sku']}#0"]
                queue = places_of(row["sku"], rows)
                wanted = {place["order_id"]: place["quantity"] for place in queue}
                wanted |= {waiting["order_id"]: waiting["quantity"] for waiting in row.get("waiting", ())}
                assert sum(wanted.values()) == row.get("waited_for", 0)
                for place in queue:
                    assert row.get("first_place", 0) <= place["place"] < row["next_place"]


def places_of(sku: str, rows: Iterable[Row]) -> list[Row]:
    """Return the places in the queue of the SKU that an order has, first come first."""
    places = [row for row in rows if row["pk"].startswith(f"PLACE#{sku}#")]
    return sorted(places, key=lambda place: place["place"])


@pytest.fixture(autouse=True)
def tables(inventory_tables: None) -> None:
    """Every test here has them."""


@pytest.fixture
def inventory_tables(dynamodb: Any) -> None:
    create_table(dynamodb, "inventory")


@pytest.fixture
def inventory(dynamodb: Any, inventory_tables: None, monkeypatch: pytest.MonkeyPatch) -> InventoryService:
    clients = FakeClients(dynamodb=Switch(dynamodb), functions=OtherServices(), sqs=DeadLetterQueue(), events=Bus())
    environ = {
        "TABLE_NAME": "inventory",
        "STAGE": STAGE,
        "BUS_NAME": "bus",
        "OUTBOX_PASS_MINUTES": "1",
        "DEAD_LETTER_QUEUE_URL": "https://queue/dead",
        "RECEIPT_KEY_ARN": make_key(monkeypatch),
    }
    return InventoryService(clients, environ)
