"""`orderctl orders settle-refund`, as the runbook writes it."""

import io
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from kernel import clock
from kernel.aggregate_store import Causation
from operations.aws.target import Kind, Target
from operations.errors import UserError
from operations.orders import store
from orderctl.commands.orders import app
from services.payment.domain import decisions
from services.payment.functions import commands, operator
from services.payment.gateways import factory
from services.payment.storage import table
from services.payment.use_cases import processor
from tests.support import runbook
from tests.support.choreography import ORDER
from tests.support.receipts import as_the_saga, make_key
from tests.support.tables import create_ledger, create_table
from tests.unit.orderctl.conftest import orderctl

CAUSE = {"correlation_id": "c", "causation_id": "e"}


@dataclass(frozen=True)
class Payment(Target):
    """A target with one service: the operator's handler itself, on moto's tables."""

    kind: Kind = Kind.AWS
    region: str = "eu-west-1"
    parameters: dict[str, str] = field(default_factory=dict, compare=False)

    def client(self, service: str, **config: Any) -> Any:
        return self if service == "lambda" else super().client(service, **config)

    def parameter(self, name: str) -> str:
        return name

    def invoke(self, **request: Any) -> dict[str, Any]:
        assert request["FunctionName"] == "payment/operator-arn"
        return {"Payload": io.BytesIO(json.dumps(operator.handler(json.loads(request["Payload"]), None)).encode())}


@pytest.fixture
def stage(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Payment]:
    create_table(dynamodb, "payments")
    create_ledger(dynamodb, "ledger")
    make_key(monkeypatch)
    for name, value in {"TABLE_NAME": "payments", "LEDGER_TABLE_NAME": "ledger", "GATEWAY": "sandbox"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(store, "find", lambda target, order_id: {"order_id": order_id, "correlation_id": "c"})
    built = (table.payments, factory.gateway)
    for one in built:
        one.cache_clear()
    yield Payment()
    for one in built:
        one.cache_clear()


def refused() -> None:
    """Cancel a confirmed order whose card accepts no refund."""
    about = {"order_id": ORDER, **CAUSE}
    total, token = {"amount": 4998, "currency": "USD"}, "pm_card_refund_refused"
    for command, fields in (("authorize", {"total": total, "payment_token": token}), ("capture", {"total": total})):
        commands.handler({"command": command, **about, **as_the_saga(command, ORDER, fields)}, None)
    payments, cause = table.payments(), Causation("c", "e")
    row = payments.create_or_apply(ORDER, lambda row: decisions.intend_refund(row, cause, clock.now()), cause)
    processor.refund(payments, factory.gateway(), row)


def as_written(command: str) -> list[str]:
    """Return the arguments of the runbook's command after `orderctl orders`, for this order."""
    (written,) = (line for line in runbook.commands("refund-refused") if line.startswith(f"orderctl orders {command} "))
    return [ORDER if word == "$ORDER" else word for word in shlex.split(written)[2:]]


def test_the_runbooks_settlement_ends_the_refund_and_may_be_repeated(stage: Payment) -> None:
    refused()
    for _ in range(2):
        done = orderctl(app, stage, *as_written("settle-refund"))
        assert done.exit_code == 0
        assert "SETTLED" in done.output
    row = table.payments().get(ORDER)
    assert row is not None
    assert (row["status"], row["settlement"]["reference"]) == ("REFUNDED", "TRANSFER-2026-118")


def test_a_refund_that_the_gateway_has_made_is_not_settled(stage: Payment) -> None:
    refused()
    assert orderctl(app, stage, *as_written("retry-refund")).exit_code == 0
    with pytest.raises(UserError, match="The gateway has refunded"):
        orderctl(app, stage, *as_written("settle-refund"))


def test_an_order_without_an_open_refund_is_left_alone(stage: Payment) -> None:
    with pytest.raises(UserError, match="has no open refund"):
        orderctl(app, stage, *as_written("settle-refund"))
