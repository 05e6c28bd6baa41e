"""The platform's bus, for the stacks that publish to it."""

import json
from pathlib import Path
from typing import cast

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam

from cdk.service_stack import PLATFORM, ServiceStack
from kernel.naming import source_of

SERVICES_FOLDER = Path(__file__).parents[2] / "services"


def bus_of(stack: ServiceStack) -> events.IEventBus:
    """Return the bus of the stack's stage."""
    known = stack.node.try_find_child("Bus")
    if known is not None:
        return cast(events.IEventBus, known)
    return events.EventBus.from_event_bus_name(stack, "Bus", stack.require(PLATFORM, "bus-name"))


def put_events_policy(stack: ServiceStack) -> iam.PolicyStatement:
    """Return the statement that allows a service to publish its own events, those with a schema, and no others.

    Both condition keys have one value for each entry of the call, and every entry must match.
    """
    conditions = {"events:source": source_of(stack.service), "events:detail-type": published_by(stack.service)}
    return iam.PolicyStatement(
        actions=["events:PutEvents"],
        resources=[stack.require(PLATFORM, "bus-arn")],
        conditions={"ForAllValues:StringEquals": conditions},
    )


def published_by(service: str) -> list[str]:
    """Return the detail-types of the service's own events, from its schemas."""
    schemas = [json.loads(path.read_text()) for path in (SERVICES_FOLDER / service / "schemas").glob("*.json")]
    return sorted({schema["x-detail-type"] for schema in schemas if schema["x-source"] == source_of(service)})
