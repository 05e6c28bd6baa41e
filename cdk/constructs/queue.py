"""Queues: who may send to one, and the dead-letter queue with its alarm."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.acknowledge import acknowledge
from cdk.constructs.alarm import alarm
from cdk.service_stack import ServiceStack

LONGEST = Duration.days(14)
"""The longest that SQS keeps a message."""
OPERATOR_TAG = "aws:PrincipalTag/orderflow:operator"
"""The tag of an operator's role: its value is the stage whose messages it may redrive."""


def only_from(
    stack: ServiceStack,
    queue: sqs.Queue,
    *,
    rule: events.IRule | None = None,
    function: lambda_.IFunction | None = None,
    operator: bool = False,
) -> None:
    """Refuse every message but those that the rule delivers, the function sends, or the stage's operator redrives.

    A wide policy of the sender's own is not enough. Each condition is negated, and holds for a caller that lacks its key.
    """
    arns: dict[str, str] = {}
    if rule is not None:
        arns["aws:SourceArn"] = rule.rule_arn
    if function is not None:
        assert function.role is not None
        arns["aws:PrincipalArn"] = function.role.role_arn
    conditions: dict[str, dict[str, str]] = {"ArnNotEquals": arns} if arns else {}
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


def dead_letter_queue(stack: ServiceStack, name: str, scope: Construct) -> sqs.Queue:
    """A dead-letter queue, published as `<name>-dlq-url`, with an alarm on its first message."""
    queue = sqs.Queue(
        scope, "DeadLetters", encryption=sqs.QueueEncryption.SQS_MANAGED, enforce_ssl=True, retention_period=LONGEST
    )
    acknowledge(queue, dict.fromkeys(("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"), "it is a dead-letter queue"))
    depth = queue.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic=cloudwatch.Stats.MAXIMUM)
    alarm(stack, scope, "DeadLetters", depth, f"{stack.service} {name} has dead letters: read their reasons, then redrive them")
    stack.publish(f"{name}-dlq-url", queue.queue_url)
    return queue
