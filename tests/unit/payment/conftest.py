"""A payment service in a moto account: its table, and the sandbox gateway with its ledger."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import stripe as official

from kernel import clock
from kernel.aggregate_store import unmarshal
from kernel.receipts import Kind
from services.payment.domain.model import PaymentRow
from services.payment.functions import commands, operator, subscriber, sweeper, webhook
from services.payment.gateways.factory import GatewayFactory, gateway_of
from services.payment.gateways.ledger import Ledger
from services.payment.gateways.sandbox import SandboxGateway
from services.payment.storage.table import Disputes, OutsideRefunds, Payments
from simulation.stage.providers.http_server import serving
from simulation.stage.providers.stripe_server import API_KEY, Stripe
from tests.support import documented_api
from tests.support.choreography import STAGE, Bus, DeadLetterQueue, OtherServices, batch
from tests.support.fake_clients import FakeClients
from tests.support.outboxes import events_in
from tests.support.receipts import as_the_saga, checked, make_key
from tests.support.tables import create_ledger, create_table

SECRET = "whsec_of_the_test"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ORDER = "ord-" + "a" * 26
TOTAL = {"amount": 4998, "currency": "USD"}


class PaymentService:
    """The service's functions, invoked as on AWS, and the state that they leave in the two tables."""

    def __init__(self, clients: FakeClients, environ: Mapping[str, str], make_gateway: GatewayFactory = gateway_of) -> None:
        self.client = clients.dynamodb
        self.owners: OtherServices = clients.functions
        self.commands = commands.bootstrap(clients, environ, make_gateway)
        self.operator = operator.bootstrap(clients, environ, make_gateway)
        self.subscriber = subscriber.bootstrap(clients, environ, make_gateway)
        self.sweeper = sweeper.bootstrap(clients, environ, make_gateway)

    def __call__(self, command: str, *, order_id: str = ORDER, **fields: Any) -> dict[str, Any]:
        event = {**self._event(command), "order_id": order_id, **as_the_saga(command, order_id, fields)}
        return checked(Kind.PAYMENT, order_id, self.commands(event, None))

    def operate(self, command: str, **fields: Any) -> dict[str, Any]:
        """Run an operator's command."""
        answer: dict[str, Any] = self.operator(self._event(command) | fields, None)
        return answer

    def deliver(self, envelope: dict[str, Any]) -> None:
        """Deliver an event to the queue `cancellations`."""
        assert self.subscriber(batch(envelope), None) == {"batchItemFailures": []}

    def sweep(self, after: timedelta = timedelta(minutes=1)) -> dict[str, int]:
        """Run the sweeper at a later time."""
        with clock.use_source(lambda: datetime.now(UTC) + after):
            swept: dict[str, int] = self.sweeper({}, None)
        return swept

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
    def row(self) -> PaymentRow:
        row = Payments(self.client, "payments").get(ORDER)
        assert row
        return row

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the events in the payment's outbox: (detail-type, data)."""
        events = events_in(self.row.get("pending", []))
        return [(event["detail-type"], event["detail"]["data"]) for event in events]

    @property
    def ledger(self) -> dict[str, str]:
        """The outcome of each operation in the gateway's ledger."""
        items = self.client.scan(TableName="ledger", ConsistentRead=True)["Items"]
        return {row["sk"]: row["outcome"] for row in map(unmarshal, items)}


def signed(body: str, secret: str = SECRET, at: datetime = NOW) -> str:
    """Return the signature header, by the code of Stripe's own package."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={official.WebhookSignature._compute_signature(f'{seconds}.{body}', secret)}"


class StripeService(PaymentService):
    """The payment service of a stage with Stripe as its gateway, and its webhook."""

    def __init__(self, clients: FakeClients, environ: Mapping[str, str]) -> None:
        super().__init__(clients, environ)
        self.webhook = webhook.bootstrap(clients, environ)
        self.gateway = gateway_of(clients, environ)
        self.disputes = Disputes(self.client, "payments")
        self.refunds = OutsideRefunds(self.client, "payments")

    def told(self, kind: str, about: dict[str, Any], signature: str | None = None) -> dict[str, Any]:
        """Post an event of Stripe's."""
        return self.post(json.dumps({"id": "evt_1", "object": "event", "type": kind, "data": {"object": about}}), signature)

    def post(self, body: str, signature: str | None = None) -> dict[str, Any]:
        request = {
            "version": "2.0",
            "rawPath": "/webhooks/stripe",
            "requestContext": {"http": {"method": "POST", "path": "/webhooks/stripe"}, "stage": "$default"},
            "headers": {"stripe-signature": signed(body) if signature is None else signature},
            "body": body,
            "isBase64Encoded": False,
        }
        answer = self.webhook(request, None)
        said = json.loads(answer["body"])
        documented_api.check("payment", "POST", "/webhooks/stripe", answer["statusCode"], answer.get("headers", {}), said)
        return {**said, "status": answer["statusCode"]}

    @property
    def dispute_events(self) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """The events in the dispute's outbox: (detail-type, metadata, data)."""
        row = self.disputes.get("dp_1")
        found = events_in(row.get("pending", [])) if row else []
        return [(event["detail-type"], event["detail"]["metadata"], event["detail"]["data"]) for event in found]


def make_secret(name: str, text: str) -> str:
    """Make a secret in moto's Secrets Manager and return its ARN."""
    return str(boto3.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])


@pytest.fixture(autouse=True)
def tables(payment_tables: None) -> None:
    """Every test here has them."""


@pytest.fixture
def payment_tables(dynamodb: Any) -> None:
    create_table(dynamodb, "payments")
    create_ledger(dynamodb, "ledger")


@pytest.fixture
def payment_clients(dynamodb: Any) -> FakeClients:
    return FakeClients(dynamodb=dynamodb, functions=OtherServices(), sqs=DeadLetterQueue(), events=Bus())


@pytest.fixture
def payment_environ(aws: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    return {
        "TABLE_NAME": "payments",
        "LEDGER_TABLE_NAME": "ledger",
        "GATEWAY": "sandbox",
        "STAGE": STAGE,
        "BUS_NAME": "bus",
        "OUTBOX_PASS_MINUTES": "1",
        "DEAD_LETTER_QUEUE_URL": "https://queue/dead",
        "RECEIPT_KEY_ARN": make_key(monkeypatch),
    }


@pytest.fixture
def payment(payment_clients: FakeClients, payment_environ: dict[str, str]) -> PaymentService:
    return PaymentService(payment_clients, payment_environ)


@pytest.fixture
def sandbox(dynamodb: Any) -> SandboxGateway:
    return SandboxGateway(Ledger(dynamodb, "ledger"))


@pytest.fixture
def payments(dynamodb: Any) -> Payments:
    return Payments(dynamodb, "payments")


@pytest.fixture
def account(loopback: None, aws: None) -> Iterator[Stripe]:
    """Serve an account at Stripe."""
    stripe = Stripe()
    with serving(stripe), clock.use_source(lambda: NOW):
        yield stripe


@pytest.fixture
def stripe_environ(payment_environ: dict[str, str], account: Stripe) -> dict[str, str]:
    return {
        **payment_environ,
        "GATEWAY": "stripe",
        "STRIPE_URL": account.url,
        "STRIPE_API_KEY_ARN": make_secret("stripe-api-key", API_KEY),
        "STRIPE_WEBHOOK_SECRET_ARN": make_secret("stripe-webhook-secret", SECRET),
    }


@pytest.fixture
def at_stripe(payment_clients: FakeClients, stripe_environ: dict[str, str]) -> StripeService:
    """Return a service with one captured payment at Stripe."""
    payment = StripeService(payment_clients, stripe_environ)
    payment.authorize()
    payment.capture()
    return payment
