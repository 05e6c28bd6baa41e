"""A stage in one process: the order and inventory handlers themselves on a moto table, and a bus that delivers at once."""

import io
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import typer
from typer.testing import CliRunner, Result

from kernel.aggregate_store import marshal, unmarshal
from kernel.handler import Handler
from kernel.inbox import parse
from kernel.naming import CHANNEL_PREFIX
from operations.aws import stage_state
from operations.aws.signed_http import Answer
from operations.aws.target import Kind, Target
from operations.errors import UserError
from operations.polling import Clock
from services.inventory.functions import api as inventory_api
from services.inventory.functions import commands as inventory_commands
from services.inventory.functions import operator as inventory_operator
from services.order.domain import identity
from services.order.functions import api, intake
from services.order.functions import operator as order_operator
from services.order.storage.catalogue import Catalogue
from services.order.storage.table import Orders
from tests.support.fake_clients import FakeClients
from tests.support.receipts import make_key, wanted
from tests.support.tables import create_orders

ENVIRON = {"TABLE_NAME": "stage", "WORKFLOW_ARN": "saga", "WORKFLOW_TIMEOUT_SECONDS": "28"}
OPERATOR = "arn:aws:sts::123456789012:assumed-role/operator/alice@example.com"
SHOWN_AT_A_TERMINAL = {"TTY_COMPATIBLE": "1"}
"""The variable by which rich takes a stream for a terminal."""
ONE_AT_A_TIME = threading.Lock()
CONTEXT = SimpleNamespace(aws_request_id="i", get_remaining_time_in_millis=lambda: 29_000)


@dataclass
class ManualClock:
    """A clock that stands still but while a command sleeps."""

    seconds: float = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True)
class Stage(Target):
    """A target with moto's tables, and with the bus, functions, saga and HTTP API below."""

    kind: Kind = Kind.AWS
    region: str = "eu-west-1"
    fakes: dict[str, Any] = field(default_factory=dict, compare=False)
    clock: Clock = field(default_factory=lambda: ManualClock().clock, compare=False)
    parameters: dict[str, str | UserError] = field(default_factory=dict, compare=False)
    """The values of parameters that differ from the ones below, or the refusal of one."""
    apis: dict[str, Handler] = field(default_factory=dict, compare=False)
    """The handlers of the HTTP APIs, by their hosts."""

    def client(self, service: str, **config: Any) -> Any:
        return self.fakes.get(service) or super().client(service, **config)

    def cdk(self, log: Path) -> Any:
        return self.fakes.get("cdk") or super().cdk(log)

    def parameter(self, name: str) -> str:
        known = {"order/api-url": "https://api.example", "inventory/api-url": "https://stock.example/"}
        known = {"order/table-name": "stage", "platform/bus-name": "bus", "journal/bucket-name": "journal", **known}
        found = self.parameters.get(name, known.get(name, name))
        if isinstance(found, UserError):
            raise found
        return found

    def call(self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Call the handler of the URL's host, as API Gateway does. Calls take turns: moto's transactions need one thread."""
        host, path = re.fullmatch(r"(https://[a-z.]+)(.*)", url).groups()  # type: ignore[union-attr]
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {name.lower(): value for name, value in (headers or {}).items()},
            "requestContext": {
                "http": {"method": method, "path": url},
                "requestId": f"{method} {url} {headers}",
                "stage": "$default",
                "authorizer": {"iam": {"userArn": OPERATOR}},
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        with ONE_AT_A_TIME, elsewhere():
            answer = self.apis[host](event, CONTEXT)
        return Answer(answer["statusCode"], answer.get("headers") or {}, answer.get("body") or "")

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every row of every service, by key."""
        items = super().client("dynamodb").scan(TableName="stage")["Items"]
        return {row["pk"]: row for row in map(unmarshal, items)}

    def orders(self) -> dict[str, dict[str, Any]]:
        """Return the orders, by id."""
        return {row["order_id"]: row for pk, row in self.rows().items() if pk.startswith("ORDER#")}

    @property
    def bus(self) -> "Bus":
        bus: Bus = self.fakes["events"]
        return bus

    @property
    def saga(self) -> "Saga":
        saga: Saga = self.fakes["stepfunctions"]
        return saga


@dataclass
class Saga:
    """Runs an order to its end at once: its stock, then the answer of the gateway, which is the test's to choose."""

    reserve: Handler
    declines: Callable[[dict[str, Any]], bool] = lambda order: False
    works: bool = True
    started: list[dict[str, Any]] = field(default_factory=list)

    def start_execution(self, **start: Any) -> dict[str, Any]:
        self.started.append(start)
        self.run(json.loads(start["input"])["order_id"])
        return {"executionArn": "arn:execution"}

    def start_sync_execution(self, **start: Any) -> dict[str, Any]:
        row = self.run(json.loads(start["input"])["order_id"])
        if row["status"] not in stage_state.SETTLED:
            return {"status": "TIMED_OUT"}
        return {"status": "SUCCEEDED", "output": json.dumps({"status": row["status"], "reason": row.get("reason")})}

    def run(self, order_id: str) -> dict[str, Any]:
        order = orders().get(order_id)
        assert order is not None
        if not self.works or order["status"] != "PENDING":
            return order
        lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in order["lines"]]
        with elsewhere():
            step = {"order_id": order_id, "correlation_id": "c", "causation_id": "e", "wanted": wanted(order_id, lines)}
            answer = self.reserve({"command": "reserve", **step}, None)
        held = answer["outcome"] == "HELD"
        if held and not self.declines(order):
            return self.finish(order, status="CONFIRMED")
        return self.finish(order, status="CANCELLED", reason="PAYMENT_DECLINED" if held else "OUT_OF_STOCK")

    def finish(self, order: dict[str, Any], **changes: str) -> dict[str, Any]:
        row = {**order, **changes}
        orders().client.put_item(TableName="stage", Item=marshal(row))
        return row


@dataclass
class Bus:
    """Hands what it accepts to the intake at once, and starts the saga. `refusals` are positions to refuse, call by call."""

    saga: Saga
    refusals: list[set[int]] = field(default_factory=list)
    error: str = "ThrottlingException"
    delivers: bool = True
    calls: list[list[dict[str, Any]]] = field(default_factory=list)

    def put_events(self, **request: Any) -> dict[str, Any]:
        entries = request["Entries"]
        assert len(entries) <= 10
        self.calls.append(entries)
        refused = self.refusals.pop(0) if self.refusals else set()
        results: list[dict[str, Any]] = []
        for position, entry in enumerate(entries):
            if position in refused:
                results.append({"ErrorCode": self.error, "ErrorMessage": "slow down"})
                continue
            if self.delivers:
                self.deliver(entry)
            results.append({"EventId": f"bus-{len(self.calls)}-{position}"})
        return {"FailedEntryCount": len(refused), "Entries": results}

    def deliver(self, entry: dict[str, Any]) -> None:
        body = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
        catalogue = Catalogue(boto3.client("dynamodb"), "stage")
        intake.Intake(orders(), catalogue).accept(parse(json.dumps(body)))
        scope = identity.channel_scope(entry["Source"].removeprefix(CHANNEL_PREFIX))
        self.saga.run(identity.order_id(scope, body["detail"]["data"]["idempotency_key"]))


def elsewhere() -> AbstractContextManager[object]:
    """Keep what a function prints, its metrics, out of what the command prints: it runs in a process of its own."""
    return redirect_stdout(io.StringIO())


class Functions:
    """Lambda: the handlers themselves, by the name of the parameter that holds their ARN."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self.handlers = handlers

    def invoke(self, **request: Any) -> dict[str, Any]:
        try:
            with elsewhere():
                answer, failed = self.handlers[request["FunctionName"]](json.loads(request["Payload"]), None), {}
        except Exception as error:
            answer, failed = {"errorMessage": str(error)}, {"FunctionError": "Unhandled"}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failed}


@pytest.fixture
def stage(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    create_orders(dynamodb, "stage")
    environ = {**ENVIRON, "RECEIPT_KEY_ARN": make_key(monkeypatch)}
    saga = Saga(reserve=inventory_commands.bootstrap(FakeClients(), environ))
    clients = FakeClients(workflows=lambda patience: saga)
    operators = {"order/operator-arn": order_operator, "inventory/operator-arn": inventory_operator}
    functions = Functions({name: function.bootstrap(clients, environ) for name, function in operators.items()})
    apis = {"https://api.example": api, "https://stock.example": inventory_api}
    return Stage(
        fakes={"events": Bus(saga), "lambda": functions, "stepfunctions": saga},
        apis={host: function.bootstrap(clients, environ) for host, function in apis.items()},
    )


def orders() -> Orders:
    """Return the orders of the stage's table."""
    return Orders(boto3.client("dynamodb"), "stage")


@contextmanager
def without_long_polls(sqs: Any) -> Iterator[None]:
    """Let each ReceiveMessage of this client end at once."""

    def shorten(params: dict[str, Any], **_: Any) -> None:
        params["WaitTimeSeconds"] = 0

    sqs.meta.events.register("provide-client-params.sqs.ReceiveMessage", shorten)
    yield
    sqs.meta.events.unregister("provide-client-params.sqs.ReceiveMessage", shorten)


class Terminal(CliRunner):
    """A runner whose standard input is a terminal."""

    @contextmanager
    def isolation(self, *given: Any, **more: Any) -> Iterator[Any]:
        with super().isolation(*given, **more) as streams:
            sys.stdin.isatty = lambda: True  # type: ignore[method-assign]
            yield streams


def orderctl(app: typer.Typer, stage: Target, *arguments: str, stdin: str | None = None) -> Result:
    """Run a command; what it printed and its exit code. A `UserError` is raised."""
    return CliRunner().invoke(app, arguments, input=stdin, obj=stage, catch_exceptions=False)


def at_terminal(app: typer.Typer, stage: Target, *arguments: str, types: str = "") -> Result:
    """Run a command at a terminal, where a person types."""
    return Terminal().invoke(app, arguments, input=types, obj=stage, catch_exceptions=False, env=SHOWN_AT_A_TERMINAL)


def orderctl_json(app: typer.Typer, stage: Target, *arguments: str, exit_code: int = 0) -> Any:
    """Run a command with `-o json`; the document it printed."""
    answer = orderctl(app, stage, *arguments, "-o", "json")
    assert answer.exit_code == exit_code, answer.output
    return json.loads(answer.stdout)
