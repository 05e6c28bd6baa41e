"""The path of a table's events to the bus: its relay, fed by the stream, and its sweeper, once a minute."""

from collections.abc import Mapping

from aws_cdk import CfnElement, Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.alarm import Tier, alarm, alarm_on_count
from cdk.constructs.bus import published_by, put_events_policy
from cdk.constructs.function import ServiceFunction
from cdk.constructs.queue import dead_letter_queue, on_failure, only_from
from cdk.constructs.table import ServiceTable
from cdk.service_stack import PLATFORM, ServiceStack
from kernel.naming import OF_OPEN_ROWS, OF_OUTBOX, PENDING_INDEX
from kernel.timeouts import REPUBLISH_SECONDS, SWEEP_BEGINS_SECONDS, assert_ascending

HAS_SOMETHING_PENDING = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {"NewImage": {"pending_since": {"S": [{"exists": True}]}}},
}
REPUBLISH_AFTER_SECONDS = 120
SWEEPER_SECONDS = 55
SWEEPER_MB = 1769
"""The memory with which Lambda gives a function one full CPU, which is what a sweep's threads can use
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""
AT_ONCE = 20
"""The rows that a sweep moves at once."""
EVENT_NOT_PUBLISHED = "event-not-published"
RELAY_RETRIES = 10
BATCHES_AT_ONCE = 2
"""Batches of a stream's shard that the relay works on at once. A row's records stay in order."""
GATHER_SECONDS = 2
"""How long the relay waits for more records: the events of one saga's run, 0.5 s, then leave their row by one clear."""
MOST_TARGETS = 5
"""The targets that a rule may have (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html)."""
SCHEDULE = "aws.events"
"""The `source` of the event that a schedule sends: an operator's has none."""
NEXT_IS_THE_RETRY = "the next sweep, in a minute, replaces one that fails; its event holds no data"
STALE_PERIODS = 3
"""Periods of five minutes. A crash of the relay leaves events behind at times; for a quarter of an hour, it is broken."""
BEHIND_MILLISECONDS = 5 * 60 * 1000


class Outbox(Construct):
    """`relay` and `sweeper` of a table whose events are in the rows that begin with `rows`.

    The relay leaves an event that it cannot publish in its row for the sweeper. A batch that it fails to handle is noted in a
    dead-letter queue. In the course of `outbox_pass_minutes` the sweeper reads every row, in case the stream lost one. With
    `leaves_open_rows`, it also looks there for rows that are left open. `row_seconds` is the longest time that a sweep needs
    for one row, if all its calls are slow. `sweepers` sweeps run side by side, each on its share of the shards; each moves
    `at_once` rows at a time.
    Publishes `relay-dlq-url` and `sweeper-arn`.
    """

    def __init__(
        self,
        stack: ServiceStack,
        table: ServiceTable,
        rows: tuple[str, ...],
        *,
        row_seconds: float,
        sweeper_seconds: int = SWEEPER_SECONDS,
        sweepers: int = 1,
        at_once: int = AT_ONCE,
        sweeper_environment: Mapping[str, str] | None = None,
        leaves_open_rows: bool = False,
    ) -> None:
        super().__init__(stack, "Outbox")
        assert_ascending(
            (
                f"a sweep of {stack.service} that begins its last row in time",
                SWEEP_BEGINS_SECONDS + row_seconds + REPUBLISH_SECONDS,
            ),
            ("its sweeper's time-out", sweeper_seconds),
        )
        environment = {
            "TABLE_NAME": table.table_name,
            "BUS_NAME": stack.require(PLATFORM, "bus-name"),
            "REPUBLISH_AFTER_SECONDS": str(REPUBLISH_AFTER_SECONDS),
        }
        if stack.settings.older_versions:
            environment["OLDER_VERSIONS"] = " ".join(stack.settings.older_versions)
        self.relay = ServiceFunction(stack, "relay", timeout_seconds=30, environment=environment)
        passing = {"OUTBOX_PASS_MINUTES": str(stack.settings.outbox_pass_minutes)}
        self.sweeper = ServiceFunction(
            stack,
            "sweeper",
            timeout_seconds=sweeper_seconds,
            memory_mb=SWEEPER_MB,
            environment={
                **environment,
                **passing,
                "SWEEP_AT_ONCE": str(min(at_once, stack.settings.sweep_at_once)),
                **(sweeper_environment or {}),
            },
        )
        for function in (self.relay, self.sweeper):
            table.allow(function, "GetItem", "UpdateItem", rows=rows)
        table.allow_query(self.sweeper, PENDING_INDEX)
        table.allow_scan(self.sweeper, (*OF_OUTBOX, *OF_OPEN_ROWS) if leaves_open_rows else OF_OUTBOX)
        if published_by(stack.service):
            for function in (self.relay, self.sweeper):
                function.add_to_role_policy(put_events_policy(stack))
        self._feed(stack, table)
        self._wake(stack, sweepers)
        unpublished = f"an event of {stack.service} cannot be published"
        alarm_on_count(stack, "EventsNotPublished", unpublished, EVENT_NOT_PUBLISHED)
        stale = f"{stack.service}'s relay leaves events to the sweeper for 15 minutes"
        alarm_on_count(stack, "EventsRepublished", stale, EVENT_NOT_PUBLISHED, periods=STALE_PERIODS, tier=Tier.FULL)

    def _feed(self, stack: ServiceStack, table: ServiceTable) -> None:
        stream = table.table_stream_arn
        assert stream is not None
        self.relay.allow("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", on=stream)
        self.relay.allow("dynamodb:ListStreams", on=f"{table.table_arn}/stream/*")
        resource, role = table.node.default_child, self.relay.role
        assert isinstance(resource, CfnElement)
        assert role is not None
        streams = f"AwsSolutions-IAM5[Resource::<{stack.get_logical_id(resource)}.Arn>/stream/*]"
        acknowledge(role, {streams: "ListStreams is about all the streams of a table"})
        dead_letters = dead_letter_queue(stack, "relay", self, runbook=EVENT_NOT_PUBLISHED, tier=Tier.FULL)
        only_from(stack, dead_letters, function=self.relay)
        mapping = lambda_.EventSourceMapping(
            self,
            "Stream",
            target=self.relay.entry,
            event_source_arn=stream,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=100,
            parallelization_factor=BATCHES_AT_ONCE,
            max_batching_window=Duration.seconds(GATHER_SECONDS),
            filters=[lambda_.FilterCriteria.filter(HAS_SOMETHING_PENDING)],
            report_batch_item_failures=True,
            bisect_batch_on_error=True,
            retry_attempts=RELAY_RETRIES,
        )
        self.relay.allow("sqs:SendMessage", on=dead_letters.queue_arn)
        on_failure(mapping, dead_letters)
        mapping.node.add_dependency(role)  # Lambda tries the stream with the role when the mapping is made
        age = self.relay.metric("IteratorAge", period=Duration.minutes(5), statistic=cloudwatch.Stats.MAXIMUM)
        behind = f"{stack.service}'s events wait over 5 minutes for the relay"
        alarm(stack, self, "RelayBehind", age, behind, EVENT_NOT_PUBLISHED, above=BEHIND_MILLISECONDS)

    def _wake(self, stack: ServiceStack, sweepers: int) -> None:
        shares = [{"source": SCHEDULE, "share": number, "of": sweepers} for number in range(sweepers)]
        for first in range(0, sweepers, MOST_TARGETS):
            every_minute = events.Rule(
                self,
                f"EveryMinute{first or ''}",
                description=f"{stack.service}: one sweep of each share of the shards",
                schedule=events.Schedule.rate(Duration.minutes(1)),
                targets=[
                    targets.LambdaFunction(
                        self.sweeper.entry,
                        event=events.RuleTargetInput.from_object(share),
                        retry_attempts=0,
                        max_event_age=Duration.minutes(1),
                    )
                    for share in shares[first : first + MOST_TARGETS]
                ],
            )
            acknowledge(every_minute, {"Serverless-EventBusDLQ": NEXT_IS_THE_RETRY})
        self.sweeper.entry.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
        acknowledge(self.sweeper.entry, {"Serverless-LambdaAsyncFailureDestination": NEXT_IS_THE_RETRY})
        runs = self.sweeper.metric_invocations(period=Duration.minutes(5))
        alarm(
            stack,
            self,
            "SweeperSilent",
            runs,
            f"{stack.service} has no sweeps",
            "schedule-stands-still",
            periods=2,
            silence=True,
        )
        stack.publish("sweeper-arn", self.sweeper.entry.function_arn)
