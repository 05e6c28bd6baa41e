"""The dead-letter queue, with its alarm."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.acknowledge import acknowledge
from cdk.constructs.alarm import alarm
from cdk.service_stack import ServiceStack

LONGEST = Duration.days(14)
"""The longest that SQS keeps a message."""


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
