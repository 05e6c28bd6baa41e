"""The policies of docs/how-to/permit-callers.md, as they stand there: each lets in what it says, and nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stages
from kernel.naming import CHANNEL_EVENT, CHANNEL_PREFIX, SERVICES, source_of
from tests.infrastructure.iam import Caller, Statement, allowed
from tests.infrastructure.resolved import ACCOUNT, REGION, Resolved
from tests.infrastructure.templates import Assembly

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "permit-callers.md"
API_ID = "a1b2c3"
CHANNEL, PRINCIPAL = "shop", "role/shop-backend"
SOURCES = [*map(source_of, SERVICES), f"{CHANNEL_PREFIX}{CHANNEL}", f"{CHANNEL_PREFIX}cdnow", f"{CHANNEL_PREFIX}none", "evil"]
TYPES = [CHANNEL_EVENT, "OrderConfirmed", "OrderCancelled", "ShipmentFailed", "PaymentCaptured"]
BACKENDS = {
    "A backend that reads orders": {"GET /orders", "GET /orders/{order_id}"},
    "A backend that places orders": {"POST /orders"},
    "A backend that cancels orders": {"POST /orders/{order_id}/cancel"},
    "A backend that keeps contacts": {"PUT /customers/{customer_id}/contact", "DELETE /customers/{customer_id}/contact"},
}
WORTH_A_TRY = ("events:PutRule", "events:PutPermission", "events:StartReplay", "sqs:SendMessage", "lambda:InvokeFunction")


@pytest.fixture(scope="module")
def stage(assembly: Assembly) -> Resolved:
    return Resolved(assembly)


def policy(stage: Resolved, heading: str) -> list[Statement]:
    """Return the JSON below a heading of the page, with its words in capitals replaced."""
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    (text,) = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    words = {"REGION": REGION, "ACCOUNT": ACCOUNT, "API_ID": API_ID, "CHANNEL": CHANNEL, "BUS_ARN": stage.bus()[0]}
    words |= {"STAGE": "dev", "STACKS": "OrderflowDev"}
    for service in ("order", "payment", "inventory"):
        words[f"{service.upper()}_OPERATOR_ARN"] = stage.arn(stage.assembly.function(service, "operator"))
    filled = re.sub(rf"\b({'|'.join(words)})\b", lambda found: words[found[1]], text)
    left = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)*\b", filled)) - {"GET", "POST", "PUT", "DELETE"}
    assert not left, "a word of the page that its table does not explain"
    document: dict[str, Any] = json.loads(filled)
    return list(document["Statement"])


def put(caller: Caller, stage: Resolved) -> Iterator[tuple[str, str]]:
    bus, bus_policy = stage.bus()
    for source in SOURCES:
        for detail_type in TYPES:
            context = {"events:source": [source], "events:detail-type": [detail_type]}
            if allowed(caller, "events:PutEvents", bus, bus_policy, context):
                yield source, detail_type


def test_a_channel_places_orders_as_itself_and_does_nothing_else(stage: Resolved) -> None:
    assert any(channel.name == CHANNEL and PRINCIPAL in channel.principals for channel in stages.load("dev").channels)
    channel = Caller("channel", f"arn:aws:iam::{ACCOUNT}:{PRINCIPAL}", policies=policy(stage, "A channel"))
    assert set(put(channel, stage)) == {(f"{CHANNEL_PREFIX}{CHANNEL}", CHANNEL_EVENT)}
    everything = [stage.arn(resource) for resource in stage.assembly.resources()]
    assert not [(action, arn) for action in WORTH_A_TRY for arn in everything if allowed(channel, action, arn)]


def test_the_policy_alone_makes_no_channel(stage: Resolved) -> None:
    undeclared = Caller("undeclared", f"arn:aws:iam::{ACCOUNT}:role/another", policies=policy(stage, "A channel"))
    assert set(put(undeclared, stage)) == set()


def test_each_backend_calls_its_own_routes(stage: Resolved) -> None:
    routes = {
        route.properties["RouteKey"]
        for route in stage.assembly.resources("ApiGatewayV2::Route", service="order")
        if route.properties["AuthorizationType"] == "AWS_IAM"
    }
    called = {}
    for heading in BACKENDS:
        backend = Caller(heading, f"arn:aws:iam::{ACCOUNT}:role/backend", policies=policy(stage, heading))
        called[heading] = {route for route in routes if allowed(backend, "execute-api:Invoke", invoked(route))}
        assert not [route for route in routes if allowed(backend, "execute-api:Invoke", invoked(route, api="other"))]
    assert called == BACKENDS
    assert set().union(*BACKENDS.values()) == routes, "a route that no policy of the page allows"


def invoked(route: str, api: str = API_ID) -> str:
    """Return the resource that API Gateway checks in IAM for a request on the route."""
    method, path = route.split(" ")
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/$default/{method}{re.sub(r'{.*?}', 'some-id', path)}"


def test_an_operator_redrives_and_operates_and_publishes_nothing(stage: Resolved) -> None:
    tags = {"orderflow:operator": "dev"}
    operator = Caller("operator", f"arn:aws:iam::{ACCOUNT}:role/on-call", tags=tags, policies=policy(stage, "An operator"))
    untagged = Caller("untagged", operator.arn, policies=operator.policies)
    tls = {"aws:SecureTransport": ["true"]}
    for queue in stage.assembly.resources("SQS::Queue"):
        arn, rules = stage.arn(queue), stage.queues()[stage.arn(queue)]
        takes = "RedrivePolicy" in queue.properties or queue.id.startswith("Quarantine")
        assert allowed(operator, "sqs:SendMessage", arn, rules, tls) is takes, queue
        assert allowed(operator, "sqs:ReceiveMessage", arn, rules, tls), queue
        assert not allowed(untagged, "sqs:SendMessage", arn, rules, tls), queue
    assert set(put(operator, stage)) == set()
    invokes = {
        function.properties["Handler"].split(".")[-2]
        for function in stage.assembly.resources("Lambda::Function")
        if allowed(operator, "lambda:InvokeFunction", stage.arn(function))
    }
    assert invokes == {"operator"}
