"""An order service in a moto account: its table, a few prices, and a saga with chosen answers."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl

import boto3
import pytest

from kernel.aggregate_store import Row, marshal
from kernel.batch_reads import ReadOnce
from services.order.domain.model import OrderRow
from services.order.functions import api, commands, contact, operator
from services.order.storage.catalogue import Catalogue
from services.order.storage.contacts import Contacts, contact_key
from services.order.storage.table import Orders
from services.order.workflow.statements import Statements
from tests.support import documented_api
from tests.support.choreography import STAGE, OtherServices
from tests.support.fake_clients import FakeClients
from tests.support.receipts import make_key, receipts
from tests.support.tables import create_orders

WORKFLOW = "arn:aws:states:eu-west-1:123456789012:stateMachine:saga"
CONTEXT = SimpleNamespace(
    aws_request_id="invocation-1",
    function_name="order",
    memory_limit_in_mb=512,
    invoked_function_arn="arn",
    get_remaining_time_in_millis=lambda: 29_000,
)


COMMANDS = set(commands.OrderCommands(*[Any] * 3).table)  # type: ignore[arg-type]
OPERATOR_COMMANDS = set(operator.OperatorCommands(Any).table)  # type: ignore[arg-type]
FAKES: dict[str, Any] = {}
"""The clients that this test gives to the functions; all others are moto's."""


def handle(function: ModuleType, event: Any, context: Any = CONTEXT) -> Any:
    """Invoke a function of the order service, made from this test's clients and environment."""
    return function.bootstrap(FakeClients(**FAKES), os.environ)(event, context)


def order_store() -> Orders:
    """Return the orders of the test's table."""
    return Orders(boto3.client("dynamodb"), "orders")


def catalogue() -> Catalogue:
    """Return the catalogue in the same table."""
    return Catalogue(boto3.client("dynamodb"), "orders")


def contacts() -> Contacts:
    """Return the contacts in the same table."""
    return Contacts(boto3.client("dynamodb"), "orders")


def contact_of(customer_id: str) -> Row | None:
    """Return the customer's contact as the table has it."""
    return ReadOnce(boto3.client("dynamodb"), "orders", 1, "contacts").get(contact_key(customer_id))


def titles(*skus: str) -> dict[str, str]:
    """Return the titles of those of the SKUs that have one."""
    return contact.titles_of(ReadOnce(boto3.client("dynamodb"), "orders", 1, "titles"), skus)


@dataclass
class Saga:
    """Stands in for Step Functions: remembers each start, and answers (or fails) as the test says."""

    started: list[dict[str, Any]] = field(default_factory=list)
    states_its_decision: bool = True
    """Whether a run ends with the order's statement, as those of this version do."""
    answer: Callable[[dict[str, Any]], dict[str, Any]] = lambda start: {"status": "FAILED", "error": "UNRESOLVED"}

    def start_sync_execution(self, **start: Any) -> dict[str, Any]:
        self.started.append(start)
        return self.answer(json.loads(start["input"]))

    def start_execution(self, **start: Any) -> dict[str, Any]:
        self.started.append(start)
        self.answer(json.loads(start["input"]))
        return {"executionArn": "arn"}

    def reaches(self, status: str, reason: str | None = None, **moves: Any) -> None:
        """Let each run leave the order's row with this status and reason, and with what else it `moves`."""

        def run(start: dict[str, Any]) -> dict[str, Any]:
            order = order_store().get(start["order_id"])
            assert order is not None
            reached = {"status": status, **({"reason": reason} if reason else {}), **moves}
            row = {**order, **reached, "version": order["version"] + 2, "updated_at": "2026-11-23T12:00:05.000Z"}
            order_store().client.put_item(TableName="orders", Item=marshal(row))
            output = {"order_id": start["order_id"], "status": status, "reason": reason}
            if self.states_its_decision:
                output["decision"] = Statements(receipts()).decision(cast(OrderRow, row))
            return {"status": "SUCCEEDED", "output": json.dumps(output)}

        self.answer = run


@pytest.fixture
def saga() -> Saga:
    return Saga()


@pytest.fixture(autouse=True)
def owners(aws: None, monkeypatch: pytest.MonkeyPatch) -> OtherServices:
    """Set up the services that own the facts behind the events that move an order."""
    monkeypatch.setenv("STAGE", STAGE)
    FAKES["functions"] = others = OtherServices()
    return others


@pytest.fixture(autouse=True)
def order_service(dynamodb: Any, saga: Saga, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    create_orders(dynamodb, "orders")
    make_key(monkeypatch)
    for name, value in {
        "TABLE_NAME": "orders",
        "BUS_NAME": "bus",
        "OUTBOX_PASS_MINUTES": "1",
        "WORKFLOW_ARN": WORKFLOW,
        "WORKFLOW_TIMEOUT_SECONDS": "41",
        "ABORT_AFTER_SECONDS": "600",
        "DEAD_LETTER_QUEUE_URL": "https://queue/dead",
    }.items():
        monkeypatch.setenv(name, value)
    FAKES["workflows"] = lambda patience: saga
    catalogue().set_prices(
        [
            {"sku": "MUG", "amount": 1250, "currency": "USD"},
            {"sku": "LP", "amount": 2499, "currency": "USD"},
            {"sku": "TASSE", "amount": 1100, "currency": "EUR"},
        ]
    )
    for customer_id in ("alice", "bob", "cdnow-00004"):
        contacts().put(customer_id, a_contact())
    yield
    FAKES.clear()


class Shop:
    """A caller of the order API."""

    def __init__(self) -> None:
        self.requests = 0
        self.milliseconds_left = 29_000
        """The time that each call leaves to the function."""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> SimpleNamespace:
        self.requests += 1
        path, _, query = path.partition("?")
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            **({"queryStringParameters": dict(parse_qsl(query))} if query else {}),
            "headers": {name.replace("_", "-"): value for name, value in headers.items()},
            "requestContext": {
                "http": {"method": method, "path": path},
                "requestId": f"request-{self.requests}",
                "stage": "$default",
            },
            "body": text,
            "isBase64Encoded": False,
        }
        context = SimpleNamespace(**{**vars(CONTEXT), "get_remaining_time_in_millis": lambda: self.milliseconds_left})
        answer = handle(api, event, context)
        told, headers = json.loads(answer["body"]) if answer.get("body") else None, answer.get("headers") or {}
        documented_api.check("order", method, path, answer["statusCode"], headers, told)
        return SimpleNamespace(status=answer["statusCode"], headers=headers, body=told)

    def place(self, key: str = "key-1", body: Any = None, **headers: str) -> SimpleNamespace:
        return self.call("POST", "/orders", an_order() if body is None else body, idempotency_key=key, **headers)


@pytest.fixture
def shop() -> Shop:
    return Shop()


def a_contact(**changes: Any) -> dict[str, Any]:
    """Where Alice's mails and parcels go."""
    address = {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": "US"}
    return {"name": "Alice", "email": "alice@example.com", "address": address, **changes}


def an_order(**changes: Any) -> dict[str, Any]:
    """Two mugs and a record for alice."""
    lines = [{"sku": "MUG", "quantity": 2}, {"sku": "LP", "quantity": 1}]
    return {"customer_id": "alice", "currency": "USD", "lines": lines, "payment_token": "pm_card_visa", **changes}
