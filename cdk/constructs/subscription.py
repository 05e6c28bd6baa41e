"""A subscription: rule → queue (with its dead-letter queue) → function. One bad message never blocks the others."""

from collections.abc import Collection, Mapping
from typing import Any

from aws_cdk import Duration, Names
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.alarm import Tier, alarm_on_count
from cdk.constructs.bus import bus_of
from cdk.constructs.encryption import acknowledge_key_of_aws
from cdk.constructs.function import ServiceFunction
from cdk.constructs.queue import (
    BROKEN_CONSUMER,
    CHECK_OF_KEY,
    KEPT_WAITING,
    OLDEST_SECONDS,
    alarm_on_age,
    dead_letter_queue,
    only_from,
)
from cdk.constructs.replay_filter import never_replays
from cdk.service_stack import ServiceStack
from kernel.timeouts import assert_ascending

Consumed = Collection[tuple[str, str]]
"""(source, detail-type) pairs, the keys of a subscription in a service's `subscriptions.py`; a source may end in `*`, and the
detail-type `*` is every one."""

EVERY = "*"
MAX_RECEIVES = 10
"""With the inbox's back-off (5 s, 10 s ... 15 minutes) a failing message has over half an hour before it is dead."""
VISIBILITY_IN_TIMEOUTS = 6
"""A message stays hidden for six times the function's time-out, as AWS advises: a throttled batch is tried again meanwhile."""

POLLS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""The actions by which Lambda polls a queue, with the function's role
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-lambda-function-trigger.html)."""
BACKS_OFF = "sqs:ChangeMessageVisibility"
"""The action by which the inbox delivers a failed message again."""


class Subscription(Construct):
    """Delivery of the events of `name` to `function`, which may itself quarantine a message in the dead-letter queue.

    A batch above 10 must gather for at least one second. `max_concurrency` limits the instances of the function;
    the setting `consumer_concurrency` does if it is not given.
    `delay_seconds` is how long SQS keeps each message back before its first delivery.
    `batch_seconds` is the longest time that a whole batch needs, if all its calls are slow: within the function's time-out.
    `only` is a pattern of the detail that an event must match too.
    With `replays` off, no replay reaches it, not even one that is sent to its rule. With `looks_again`, the function may send a
    message to the queue itself, for a later look, and not put off a failed one.

    Publishes `<name>-rule-arn` (for replays), `<name>-queue-url`, `<name>-dlq-url`.
    """

    def __init__(
        self,
        stack: ServiceStack,
        name: str,
        consumed: Consumed,
        function: ServiceFunction,
        *,
        batch_seconds: float,
        batch_size: int = 10,
        max_batching_window_seconds: int = 0,
        delay_seconds: int = 0,
        looks_again: bool = False,
        max_concurrency: int | None = None,
        replays: bool = True,
        only: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(stack, f"{name.capitalize()}Subscription")
        dead_letters = dead_letter_queue(stack, name, self)
        timeout = function.timeout
        assert timeout is not None
        assert_ascending(
            (f"a batch of {stack.service}'s subscription {name}", batch_seconds),
            ("its function's time-out", timeout.to_seconds()),
        )
        queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=KEPT_WAITING,
            delivery_delay=Duration.seconds(delay_seconds) if delay_seconds else None,
            visibility_timeout=Duration.seconds(VISIBILITY_IN_TIMEOUTS * timeout.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=MAX_RECEIVES),
        )
        acknowledge_key_of_aws(stack, queue, CHECK_OF_KEY)
        rule = events.Rule(
            self,
            "Rule",
            description=f"{stack.service}: {', '.join(sorted({detail_type for _, detail_type in consumed}))}",
            event_bus=bus_of(stack),
            event_pattern=pattern(consumed, only),
            targets=[targets.SqsQueue(queue, dead_letter_queue=dead_letters)],
        )
        if not stack.node.try_find_child("ReplayedEventsRefusedAlarm"):  # one of a service's, which counts for all its queues
            refused = "the schemas refuse replayed events, which are skipped"
            alarm_on_count(stack, "ReplayedEventsRefused", refused, BROKEN_CONSUMER, tier=Tier.FULL)
        minutes = (OLDEST_SECONDS + delay_seconds) // 60
        waiting = f"{stack.service} {name} leaves messages waiting over {minutes} minutes"
        alarm_on_age(stack, self, queue, waiting, BROKEN_CONSUMER, delay_seconds=delay_seconds)
        only_from(stack, queue, rules=[rule], function=function if looks_again else None, operator=True)
        only_from(stack, dead_letters, rules=[rule], function=function)
        if not replays:
            never_replays(rule)
        function.allow(*POLLS, *(() if looks_again else (BACKS_OFF,)), on=queue.queue_arn)
        function.entry.add_event_source_mapping(
            f"SqsEventSource:{Names.node_unique_id(queue.node)}",  # as `SqsEventSource` names it, which grants more
            event_source_arn=queue.queue_arn,
            batch_size=batch_size,
            max_batching_window=Duration.seconds(max_batching_window_seconds) if max_batching_window_seconds else None,
            max_concurrency=max_concurrency or stack.settings.consumer_concurrency,
            report_batch_item_failures=True,
        )
        acknowledge(function.entry, {"Serverless-LambdaEventSourceMappingDestination": "its queue has a dead-letter queue"})
        function.add_environment("DEAD_LETTER_QUEUE_URL", dead_letters.queue_url)
        function.add_environment("QUEUE_URL", queue.queue_url)
        function.allow("sqs:SendMessage", on=[dead_letters.queue_arn, *([queue.queue_arn] if looks_again else [])])
        stack.publish(f"{name}-rule-arn", rule.rule_arn)
        stack.publish(f"{name}-queue-url", queue.queue_url)


def pattern(consumed: Consumed, only: Mapping[str, Any] | None = None) -> events.EventPattern:
    """Return one pattern for these pairs: any source with any type, because no two services publish the same type.

    `only` is a pattern of the detail.
    """
    named = sorted({source for source, _ in consumed})
    sources_matched = [part for source in named for part in _matcher(source)]
    types = sorted({detail_type for _, detail_type in consumed})
    detail_types = None if types == [EVERY] else types
    return events.EventPattern(source=sources_matched, detail_type=detail_types, detail=only)


def _matcher(source: str) -> list[str]:
    return events.Match.prefix(source[:-1]) if source.endswith("*") else [source]
