"""The platform's bus, as another stack finds it."""

from aws_cdk import aws_events as events

from cdk.service_stack import PLATFORM, ServiceStack


def bus_of(stack: ServiceStack) -> events.IEventBus:
    """The bus of the stack's stage."""
    found = stack.node.try_find_child("Bus")
    if found is None:
        found = events.EventBus.from_event_bus_attributes(
            stack,
            "Bus",
            event_bus_name=stack.require(PLATFORM, "bus-name"),
            event_bus_arn=stack.require(PLATFORM, "bus-arn"),
            event_bus_policy="",
        )
    return found  # type: ignore[return-value]
