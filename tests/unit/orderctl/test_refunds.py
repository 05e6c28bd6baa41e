"""`orderctl orders settle-refund`, as the runbook writes it."""

import io
import json
import shlex
from dataclasses import dataclass, field
from typing import Any

import pytest

from kernel import clock
from kernel.aggregate_store import Causation, marshal
from operations.aws.target import Kind, Target
from operations.errors import UserError
from orderctl.commands.orders import app
from services.payment.domain import decisions
from services.payment.gateways.sandbox import SandboxGateway
from services.payment.storage.table import Payments
from services.payment.use_cases.processor import PaymentProcessor
from tests.support import runbook
from tests.support.choreography import ORDER
from tests.unit.orderctl.conftest import elsewhere, orderctl
from tests.unit.payment.conftest import (  # noqa: F401 - fixtures
    PaymentService,
    payment,
    payment_clients,
    payment_environ,
    payment_tables,
    payments,
    sandbox,
)


@dataclass(frozen=True)
class Payment(Target):
    """A target with one service: the operator's handler itself, on moto's tables."""

    kind: Kind = Kind.AWS
    region: str = "eu-west-1"
    parameters: dict[str, str] = field(default_factory=dict, compare=False)
    service: PaymentService | None = field(default=None, compare=False)

    def client(self, service: str, **config: Any) -> Any:
        return self if service == "lambda" else super().client(service, **config)

    def parameter(self, name: str) -> str:
        return "payments" if name == "order/table-name" else name

    def invoke(self, **request: Any) -> dict[str, Any]:
        assert request["FunctionName"] == "payment/operator-arn"
        assert self.service is not None
        with elsewhere():
            answer = self.service.operator(json.loads(request["Payload"]), None)
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


@pytest.fixture
def stage(payment_tables: None, payment: PaymentService, dynamodb: Any) -> Payment:  # noqa: F811
    order = {"pk": f"ORDER#{ORDER}", "order_id": ORDER, "correlation_id": "c"}
    dynamodb.put_item(TableName="payments", Item=marshal(order))
    return Payment(service=payment)


@pytest.fixture
def refused(payment: PaymentService, sandbox: SandboxGateway, payments: Payments) -> None:  # noqa: F811
    """Cancel a confirmed order that was paid by a card without refunds."""
    payment.authorize("pm_card_refund_refused")
    payment.capture()
    causation = Causation("c", "e")
    row = payments.apply(ORDER, lambda row: decisions.intend_refund(row, causation, clock.now()), causation)
    PaymentProcessor(payments, sandbox).refund(row)


def as_written(command: str) -> list[str]:
    """Return the arguments of the runbook's command after `orderctl orders`, for this order."""
    (written,) = (line for line in runbook.commands("refund-refused") if line.startswith(f"orderctl orders {command} "))
    return [ORDER if word == "$ORDER" else word for word in shlex.split(written)[2:]]


def test_settlement_of_the_runbook_ends_the_refund_and_can_be_repeated(stage: Payment, refused: None) -> None:
    for _ in range(2):
        done = orderctl(app, stage, *as_written("settle-refund"))
        assert done.exit_code == 0
        assert "SETTLED" in done.output
    assert stage.service is not None
    row = stage.service.row
    assert (row["status"], row["settlement"]["reference"]) == ("REFUNDED", "TRANSFER-2026-118")


def test_a_refund_that_the_gateway_has_made_is_not_settled(stage: Payment, refused: None) -> None:
    assert orderctl(app, stage, *as_written("retry-refund")).exit_code == 0
    with pytest.raises(UserError, match="The gateway has refunded"):
        orderctl(app, stage, *as_written("settle-refund"))


def test_order_without_an_open_refund_stays_unchanged(stage: Payment) -> None:
    with pytest.raises(UserError, match="has no open refund"):
        orderctl(app, stage, *as_written("settle-refund"))
