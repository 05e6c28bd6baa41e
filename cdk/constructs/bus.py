"""The platform's bus, as another stack finds it."""

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam

from cdk.service_stack import PLATFORM, ServiceStack
from services.kernel.names import source_of


def bus_of(stack: ServiceStack) -> events.IEventBus:
    """The bus of the stack's stage."""
    known = stack.node.try_find_child("Bus")
    return known or events.EventBus.from_event_bus_attributes(
        stack,
        "Bus",
        event_bus_name=stack.require(PLATFORM, "bus-name"),
        event_bus_arn=stack.require(PLATFORM, "bus-arn"),
        event_bus_policy="",
    )


def may_publish(stack: ServiceStack) -> iam.PolicyStatement:
    """Leave to put the service's own events on the bus, and nobody else's.

    `events:source` has as many values as the call has entries, and no entry may have another.
    """
    return iam.PolicyStatement(
        actions=["events:PutEvents"],
        resources=[stack.require(PLATFORM, "bus-arn")],
        conditions={"ForAllValues:StringEquals": {"events:source": source_of(stack.service)}},
    )
