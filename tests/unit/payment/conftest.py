"""A payment service in a moto account: its table, and the sandbox gateway with its ledger."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kernel.aggregate_store import Row, unmarshal
from kernel.receipts import Kind
from services.payment.functions import commands, operator
from services.payment.gateways import factory
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.sandbox import SandboxGateway
from services.payment.storage import table
from services.payment.storage.table import Payments
from tests.support.receipts import as_the_saga, checked, make_key
from tests.support.tables import create_ledger, create_table

ORDER = "ord-" + "a" * 26
TOTAL = {"amount": 4998, "currency": "USD"}


class PaymentService:
    """The commands as the saga calls them, and what they leave in the two tables."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, command: str, *, order_id: str = ORDER, **fields: Any) -> dict[str, Any]:
        event = {**self._event(command), "order_id": order_id, **as_the_saga(command, order_id, fields)}
        return checked(Kind.PAYMENT, order_id, commands.handler(event, None))

    def operate(self, command: str, **fields: Any) -> dict[str, Any]:
        """Run an operator's command."""
        return operator.handler(self._event(command) | fields, None)

    @staticmethod
    def _event(command: str) -> dict[str, Any]:
        return {"command": command, "order_id": ORDER, "correlation_id": "correlation-1", "causation_id": f"ORDER#{ORDER}#1"}

    def authorize(self, token: str = "pm_card_visa", total: dict[str, Any] = TOTAL) -> dict[str, Any]:
        return self("authorize", total=total, payment_token=token)

    def capture(self, total: dict[str, Any] = TOTAL) -> dict[str, Any]:
        return self("capture", total=total)

    def void(self) -> dict[str, Any]:
        return self("void")

    @property
    def row(self) -> Row:
        row = table.payments().get(ORDER)
        assert row
        return row

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the events in the row: (detail-type, data)."""
        events = [json.loads(text) for text in self.row.get("pending", [])]
        return [(event["detail-type"], event["detail"]["data"]) for event in events]

    @property
    def ledger(self) -> dict[str, str]:
        """The gateway's books: the outcome of each operation."""
        items = self.client.scan(TableName="ledger", ConsistentRead=True)["Items"]
        return {row["sk"]: row["outcome"] for row in map(unmarshal, items)}


@pytest.fixture(autouse=True)
def tables(payment_tables: None) -> None:
    """Every test here has them."""


@pytest.fixture
def payment_tables(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    create_table(dynamodb, "payments")
    create_ledger(dynamodb, "ledger")
    make_key(monkeypatch)
    for name, value in {"TABLE_NAME": "payments", "LEDGER_TABLE_NAME": "ledger", "GATEWAY": "sandbox"}.items():
        monkeypatch.setenv(name, value)
    table.payments.cache_clear()
    factory.gateway.cache_clear()
    yield
    table.payments.cache_clear()
    factory.gateway.cache_clear()


@pytest.fixture
def payment(dynamodb: Any) -> PaymentService:
    return PaymentService(dynamodb)


@pytest.fixture
def sandbox(dynamodb: Any) -> SandboxGateway:
    return SandboxGateway(Ledger(dynamodb, "ledger"))


@pytest.fixture
def payments(dynamodb: Any) -> Payments:
    return Payments(dynamodb, "payments")
