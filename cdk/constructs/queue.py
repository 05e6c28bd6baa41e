"""Queues: the senders that one accepts, its alarm, and dead-letter queues."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.alarm import Tier, alarm
from cdk.constructs.encryption import acknowledge_key_of_aws
from cdk.service_stack import ServiceStack

CHECK_OF_KEY = "CKV_AWS_27"
"""The rule of checkov about an own key. It does not see SSE-SQS, which is on."""
LONGEST = Duration.days(14)
"""The longest that SQS keeps a message."""
BROKEN_CONSUMER = "consumer-was-broken"
"""The runbook for dead letters, and for messages that wait."""
OPERATOR_TAG = "aws:PrincipalTag/orderflow:operator"
"""The tag of an operator's role: its value is the stage whose messages it may redrive."""


def only_from(
    stack: ServiceStack,
    queue: sqs.Queue,
    *,
    rules: Sequence[events.IRule] = (),
    function: lambda_.IFunction | None = None,
    operator: bool = False,
) -> None:
    """Refuse every message but those that one of the rules delivers, the function sends, or the stage's operator redrives.

    A wide policy of the sender is not enough. Each condition is negated, so it also refuses a caller that lacks its key.
    """
    arns: dict[str, object] = {}
    if rules:
        found = [rule.rule_arn for rule in rules]
        arns["aws:SourceArn"] = found if len(found) > 1 else found[0]
    if function is not None:
        assert function.role is not None
        arns["aws:PrincipalArn"] = function.role.role_arn
    conditions: dict[str, dict[str, object]] = {"ArnNotEquals": arns} if arns else {}
    if operator:
        conditions["StringNotEquals"] = {OPERATOR_TAG: stack.stage}
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            sid="OnlyItsOwnSenders",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions=conditions,
        )
    )


def on_failure(source: lambda_.EventSourceMapping | lambda_.EventInvokeConfig, letters: sqs.IQueue) -> None:
    """Let Lambda send what the function fails to handle to the dead-letter queue, with the function's role.

    The role needs `sqs:SendMessage` on the queue, and nothing more; the CDK's own destinations grant more
    (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
    """
    resource, arn = source.node.default_child, letters.queue_arn
    match resource:
        case lambda_.CfnEventSourceMapping():
            mapped = lambda_.CfnEventSourceMapping
            resource.destination_config = mapped.DestinationConfigProperty(on_failure=mapped.OnFailureProperty(destination=arn))
        case lambda_.CfnEventInvokeConfig():
            config = lambda_.CfnEventInvokeConfig
            resource.destination_config = config.DestinationConfigProperty(on_failure=config.OnFailureProperty(destination=arn))
        case _:
            raise TypeError(f"{resource} has no destination")


KEPT_WAITING = Duration.days(7)
"""How long a consumer's queue keeps a message that is never received. Then SQS deletes it, without a dead letter.

It is shorter than the 14 days of SQS: a message keeps its age when SQS moves it to the dead-letter queue, and then has a week.
"""
OLDEST_SECONDS = 15 * 60
"""A message waits this long only if its consumer is down, or fails on it: its third try is 20 seconds after its first."""


def alarm_on_age(
    stack: ServiceStack,
    scope: Construct,
    queue: sqs.Queue,
    fault: str,
    runbook: str,
    *,
    delay_seconds: int = 0,
    tier: Tier = Tier.ESSENTIAL,
) -> None:
    """Alarm when a message has waited for 15 minutes after its delay. SQS deletes old messages without any metric."""
    age = queue.metric_approximate_age_of_oldest_message(period=Duration.minutes(1), statistic=cloudwatch.Stats.MAXIMUM)
    alarm(stack, scope, "OldestMessage", age, fault, runbook, above=OLDEST_SECONDS + delay_seconds, tier=tier)


def dead_letter_queue(
    stack: ServiceStack, name: str, scope: Construct, *, runbook: str = BROKEN_CONSUMER, tier: Tier = Tier.ESSENTIAL
) -> sqs.Queue:
    """Create a dead-letter queue, published as `<name>-dlq-url`, with an alarm on its first message."""
    queue = sqs.Queue(
        scope, "DeadLetters", encryption=sqs.QueueEncryption.SQS_MANAGED, enforce_ssl=True, retention_period=LONGEST
    )
    acknowledge(queue, dict.fromkeys(("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"), "it is a dead-letter queue"))
    acknowledge_key_of_aws(stack, queue, CHECK_OF_KEY)
    depth = queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic=cloudwatch.Stats.MAXIMUM)
    alarm(stack, scope, "DeadLetters", depth, f"{stack.service} {name} has dead letters", runbook, tier=tier)
    stack.publish(f"{name}-dlq-url", queue.queue_url)
    return queue
