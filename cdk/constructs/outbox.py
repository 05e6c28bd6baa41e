"""The way of a table's events to the bus: its relay, fed by the stream, and its sweeper, once a minute."""

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from cdk.constructs.alarm import alarm
from cdk.constructs.function import ServiceFunction
from cdk.constructs.queue import dead_letter_queue
from cdk.constructs.table import ServiceTable
from cdk.service_stack import PLATFORM, ServiceStack
from services.kernel.names import PENDING_INDEX, source_of

HAS_SOMETHING_PENDING = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {"NewImage": {"pending_since": {"S": [{"exists": True}]}}},
}
REPUBLISH_AFTER_SECONDS = 120


class Outbox(Construct):
    """`relay` and `sweeper`. What the relay cannot publish waits in its dead-letter queue, and in its row for the sweeper."""

    def __init__(
        self, stack: ServiceStack, table: ServiceTable, *, sweeper_environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(stack, "Outbox")
        environment = {
            "TABLE_NAME": table.name,
            "BUS_NAME": stack.require(PLATFORM, "bus-name"),
            "REPUBLISH_AFTER_SECONDS": str(REPUBLISH_AFTER_SECONDS),
        }
        self.relay = ServiceFunction(stack, "relay", timeout_seconds=30, environment=environment)
        self.sweeper = ServiceFunction(
            stack, "sweeper", timeout_seconds=55, environment={**environment, **(sweeper_environment or {})}
        )
        for function in (self.relay, self.sweeper):
            function.allow(["dynamodb:UpdateItem"], table.arn)
            function.allow(
                ["events:PutEvents"],
                stack.require(PLATFORM, "bus-arn"),
                conditions={"StringEquals": {"events:source": source_of(stack.service)}},
            )
        self.sweeper.allow(["dynamodb:GetItem"], table.arn)
        self.sweeper.allow(["dynamodb:Query"], table.index_arn(PENDING_INDEX))
        self._feed(stack, table)
        events.Rule(
            self,
            "EveryMinute",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[targets.LambdaFunction(self.sweeper.function, retry_attempts=0, max_event_age=Duration.minutes(1))],
        )
        stack.publish("sweeper-arn", self.sweeper.arn)

    def _feed(self, stack: ServiceStack, table: ServiceTable) -> None:
        dead_letters = dead_letter_queue(stack, "relay", self)
        self.relay.function.add_event_source(
            sources.DynamoEventSource(
                table.table,
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=100,
                filters=[lambda_.FilterCriteria.filter(HAS_SOMETHING_PENDING)],
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                retry_attempts=10,
                parallelization_factor=2,
                on_failure=sources.SqsDlq(dead_letters),
            )
        )
        age = self.relay.function.metric(
            "IteratorAge", period=Duration.minutes(5), statistic=cloudwatch.Stats.MAXIMUM, unit=cloudwatch.Unit.MILLISECONDS
        )
        alarm(self, "RelayBehind", age, f"{stack.service}'s events wait over 5 minutes for the relay", threshold=300_000)
