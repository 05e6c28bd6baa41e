"""A subscription: rule → queue (with its dead-letter queue) → function, one bad message harming no other."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.bus import bus_of
from cdk.constructs.function import ServiceFunction
from cdk.constructs.queue import dead_letter_queue
from cdk.service_stack import ServiceStack

MAX_RECEIVES = 5


class Subscription(Construct):
    """`name`'s events, as the service's `consumes.py` lists them, to `function`.

    Published: `<name>-rule-arn` (what a replay chooses), `<name>-queue-url`, `<name>-dlq-url`.
    """

    def __init__(
        self, stack: ServiceStack, name: str, consumed: tuple[tuple[str, str], ...], function: ServiceFunction
    ) -> None:
        super().__init__(stack, f"Subscription-{name}")
        dead_letters = dead_letter_queue(stack, name, self)
        queue = sqs.Queue(
            self,
            "Queue",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(4),
            # Six times the function's time-out, as AWS advises for SQS and Lambda.
            visibility_timeout=Duration.seconds(6 * 30),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=MAX_RECEIVES),
        )
        rule = events.Rule(
            self,
            "Rule",
            description=f"{stack.service}: {', '.join(sorted({detail_type for _, detail_type in consumed}))}",
            event_bus=bus_of(stack),
            event_pattern=pattern(consumed),
            targets=[
                targets.SqsQueue(queue, dead_letter_queue=dead_letters, retry_attempts=185, max_event_age=Duration.hours(24))
            ],
        )
        function.function.add_event_source(
            sources.SqsEventSource(queue, batch_size=10, report_batch_item_failures=True, max_concurrency=10)
        )
        function.function.add_environment("DEAD_LETTER_QUEUE_URL", dead_letters.queue_url)
        function.allow(["sqs:SendMessage"], dead_letters.queue_arn)
        stack.publish(f"{name}-rule-arn", rule.rule_arn)
        stack.publish(f"{name}-queue-url", queue.queue_url)


def pattern(consumed: tuple[tuple[str, str], ...]) -> events.EventPattern:
    """The pattern that matches these (source, detail-type) pairs. No listed source has another listed type, so it matches no more."""
    exact = sorted({source for source, _ in consumed if not source.endswith("*")})
    prefixes = sorted({source[:-1] for source, _ in consumed if source.endswith("*")})
    sources_matched = [*exact, *(value for prefix in prefixes for value in events.Match.prefix(prefix))]
    return events.EventPattern(source=sources_matched, detail_type=sorted({detail_type for _, detail_type in consumed}))
