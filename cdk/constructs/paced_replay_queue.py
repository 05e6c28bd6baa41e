"""The queue in which a paced replay waits, so that the operator can forward it at a pace that consumers can handle."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.alarm import Tier
from cdk.constructs.encryption import acknowledge_key_of_aws
from cdk.constructs.queue import CHECK_OF_KEY, LONGEST, alarm_on_age, dead_letter_queue, only_from
from cdk.constructs.replay_filter import only_replays
from cdk.service_stack import ServiceStack
from kernel.naming import PACED_REPLAY_PREFIX, SOURCE_PREFIX

NAME = "staging"
MAX_RECEIVES = 100
"""High, because a command that receives a message and dies returns it. That is no fault of the message."""


class Staging(Construct):
    """A rule for paced replays only, and its queue. Publishes `staging-rule-arn`, `staging-queue-url`, `staging-dlq-url`."""

    def __init__(self, stack: ServiceStack, bus: events.IEventBus) -> None:
        super().__init__(stack, "Staging")
        dead_letters = dead_letter_queue(stack, NAME, self)
        queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=LONGEST,
            visibility_timeout=Duration.minutes(15),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=MAX_RECEIVES),
        )
        acknowledge_key_of_aws(stack, queue, CHECK_OF_KEY)
        rule = events.Rule(
            self,
            "Rule",
            description="platform: every event of a paced replay",
            event_bus=bus,
            event_pattern=events.EventPattern(source=events.Match.prefix(SOURCE_PREFIX)),
            targets=[targets.SqsQueue(queue, dead_letter_queue=dead_letters)],
        )
        alarm_on_age(stack, self, queue, "events of a paced replay wait over 15 minutes", "replay-stands-still", tier=Tier.FULL)
        only_from(stack, queue, rules=[rule], operator=True)
        only_from(stack, dead_letters, rules=[rule])
        only_replays(rule, PACED_REPLAY_PREFIX)
        stack.publish(f"{NAME}-rule-arn", rule.rule_arn)
        stack.publish(f"{NAME}-queue-url", queue.queue_url)
