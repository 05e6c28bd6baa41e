"""`orderctl shipments`: a shipment moved on by hand, by the ways that its sweeper and its carrier have."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from kernel.handler import Handler
from operations.aws import signed_http
from operations.aws.signed_http import Answer
from operations.aws.target import Kind, Target
from operations.errors import UserError
from orderctl.commands.shipments import app
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.functions import subscriber, sweeper, webhook
from tests.support.choreography import ALICE, CONFIRMED, ORDER, Bus, DeadLetterQueue, OtherServices, an_event, batch
from tests.support.fake_clients import FakeClients
from tests.support.tables import create_table
from tests.unit.orderctl.conftest import elsewhere, orderctl, orderctl_json
from tests.unit.shipping.conftest import ENVIRON


@dataclass(frozen=True)
class Shipping(Target):
    """A target with one service: the shipping handlers themselves, on a moto table."""

    kind: Kind = Kind.AWS
    region: str = "eu-west-1"
    parameters: dict[str, str] = field(default_factory=dict, compare=False)
    posted: list[tuple[str, str]] = field(default_factory=list, compare=False)
    handlers: dict[str, Handler] = field(default_factory=dict, compare=False)
    acts: list[dict[str, Any]] = field(default_factory=list, compare=False)

    def client(self, service: str, **config: Any) -> Any:
        return self if service == "lambda" else super().client(service, **config)

    def parameter(self, name: str) -> str:
        return self.parameters[name]

    def invoke(self, **request: Any) -> dict[str, Any]:
        if request["FunctionName"] == "the order's operator":
            self.acts.append(json.loads(request["Payload"]))
            return {"Payload": io.BytesIO(b'{"outcome": "RECORDED"}')}
        assert request["FunctionName"] == "the sweeper"
        with elsewhere():
            answer = self.handlers["sweeper"](json.loads(request["Payload"]), None)
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def call(self, method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Call the webhook's own handler as API Gateway does."""
        path = url.removeprefix("https://api.example")
        event = {
            "version": "2.0",
            "rawPath": path,
            "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
            "headers": dict(headers or {}),
            "body": signed_http.as_sent(body),
            "isBase64Encoded": False,
        }
        with elsewhere():
            answer = self.handlers["webhook"](event, None)
        return Answer(answer["statusCode"], {}, answer["body"])

    def confirmed(self) -> None:
        """Deliver OrderConfirmed."""
        self.handlers["subscriber"](batch(an_event("order", "OrderConfirmed", ORDER)), None)


@pytest.fixture
def shipping(dynamodb: Any) -> Shipping:
    create_table(dynamodb, "shipments")
    others = OtherServices()
    others.contacts[ORDER] = ALICE
    others.facts["order"] = CONFIRMED
    clients = FakeClients(functions=others, events=Bus(), sqs=DeadLetterQueue())
    secret = clients.secrets.create_secret(Name="webhook", SecretString="shared")["ARN"]
    environ = {**ENVIRON, "TRANSIT_SECONDS": "3600", "CARRIER_WEBHOOK_SECRET_ARN": secret}
    handlers = {
        "subscriber": subscriber.bootstrap(clients, environ),
        "sweeper": sweeper.bootstrap(clients, environ),
        "webhook": webhook.bootstrap(clients, environ),
    }
    return Shipping(
        parameters={
            "shipping/table-name": "shipments",
            "shipping/sweeper-arn": "the sweeper",
            "order/operator-arn": "the order's operator",
            "shipping/carrier": "sandbox",
            "shipping/carrier-webhook-secret-arn": secret,
            "shipping/api-url": "https://api.example/",
        },
        handlers=handlers,
    )


def test_shipment_advances_step_by_step_to_its_delivery(shipping: Shipping) -> None:
    shipping.confirmed()
    assert orderctl_json(app, shipping, "show", ORDER)[0]["status"] == "CREATED"
    (dispatched,) = orderctl_json(app, shipping, "advance", ORDER)
    assert (dispatched["status"], dispatched["tracking"]) == ("DISPATCHED", SandboxCarrier(str).book(ORDER))
    (delivered,) = orderctl_json(app, shipping, "advance", ORDER, "--reason", "the carrier called")
    assert (delivered["status"], delivered["next_due"]) == ("DELIVERED", None)
    assert [(act["act"], act["order_ids"], act.get("reason")) for act in shipping.acts] == [
        ("shipments advance", [ORDER], None),
        ("shipments advance", [ORDER], "the carrier called"),
    ]
    with pytest.raises(UserError, match=f"The shipment of {ORDER} is DELIVERED"):
        orderctl(app, shipping, "advance", ORDER)


def test_parcel_of_a_real_carrier_cannot_be_advanced(shipping: Shipping) -> None:
    shipping.confirmed()
    orderctl(app, shipping, "advance", ORDER)
    shipping.parameters["shipping/carrier"] = "easypost"
    with pytest.raises(UserError, match=f"The parcel of {ORDER} is with easypost, so orderctl cannot deliver it"):
        orderctl(app, shipping, "advance", ORDER)


def test_refusal_of_the_webhook_is_reported(shipping: Shipping) -> None:
    shipping.confirmed()
    orderctl(app, shipping, "advance", ORDER)
    other = boto3.client("secretsmanager").create_secret(Name="another", SecretString="not shared")["ARN"]
    shipping.parameters["shipping/carrier-webhook-secret-arn"] = other
    with pytest.raises(UserError, match="Shipping rejected the update: the signature is not of this body under our secret"):
        orderctl(app, shipping, "advance", ORDER)
    assert orderctl_json(app, shipping, "show", ORDER)[0]["status"] == "DISPATCHED"


@pytest.mark.parametrize("command", ["show", "advance"])
def test_order_without_a_shipment_is_reported(shipping: Shipping, command: str) -> None:
    with pytest.raises(UserError, match=f"There is no shipment of order {ORDER}"):
        orderctl(app, shipping, command, ORDER)
