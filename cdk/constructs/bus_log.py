"""The log of the bus: the rule and the reason of each delivery that failed. It has no detail of an event."""

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.constructs.log import log_group
from cdk.service_stack import ServiceStack


class BusLog(Construct):
    """A log group, and the delivery of the bus's errors to it.

    The AWS of the laptop has no such delivery. An ephemeral stage keeps no log of its bus.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-logs.html
    """

    def __init__(self, stack: ServiceStack, bus: events.EventBus) -> None:
        super().__init__(stack, "BusLog")
        log = log_group(stack, self)
        log.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("delivery.logs.amazonaws.com")],
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[f"{log.log_group_arn}:log-stream:*"],
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
        name = f"orderflow-{stack.stage}-bus"
        source = logs.CfnDeliverySource(
            self, "Source", name=f"{name}-errors", resource_arn=bus.event_bus_arn, log_type="ERROR_LOGS"
        )
        destination = logs.CfnDeliveryDestination(
            self, "Destination", name=f"{name}-log", destination_resource_arn=log.log_group_arn
        )
        delivery = logs.CfnDelivery(
            self, "Delivery", delivery_source_name=source.name, delivery_destination_arn=destination.attr_arn
        )
        delivery.add_dependency(source)
        delivery.add_dependency(destination)
