"""The inventory of alarms: the faults that AWS counts for each kind of resource, with the runbook for each.

Every resource of a listed kind gets its alarms, so a new queue or function has them without another line. The faults that our
own functions count have their alarms in the service that counts them. `docs/reference/alarms.md` lists all alarms. One fault of
a kind is not counted by AWS: the functions that read a secret emit its age.

The names of metrics and dimensions are AWS's:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html,
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html,
https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html,
https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html,
https://docs.aws.amazon.com/ses/latest/dg/reputationdashboard-cloudwatch-alarm.html.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Final, cast

from aws_cdk import Duration, Fn
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk.constructs.alarm import Tier, alarm
from cdk.service_stack import ServiceStack
from kernel.naming import metrics_namespace

BY_SCHEDULE: Final = (".sweeper.handler", "audit.function.handler")
"""The ends of the handlers that a schedule invokes: no queue and no caller shows their errors."""
NEAR_ITS_TIMEOUT_PERCENT: Final = 80
"""The percentage of a function's time-out from which its duration is a fault."""
FULL_QUEUE: Final = 10_000
"""More messages than a burst of orders leaves in a queue for five minutes."""
SLOW_ANSWER_MILLISECONDS: Final = 5_000
"""The 99th percentile of an API's latency that customers notice. An order waits two seconds for its saga on a good day."""
BEHIND_SECONDS: Final = 15 * 60
"""A delivery stream writes its objects within three minutes."""
QUIET_HOURS: Final = 6
"""So long without a request, a shop is broken or unreachable."""
DAY_MINUTES: Final = 24 * 60
BOUNCES: Final = 0.05
"""SES reviews an account from 5 % of bounces on."""
COMPLAINTS: Final = 0.001
"""SES reviews an account from 0.1 % of complaints on."""
WORD: Final = re.compile(r"[A-Z][a-z]+")
AUDITED: Final = ("BatchGetItem", "GetItem", "Query", "Scan", "UpdateItem")
"""The operations by which a service and the audit use a service's table."""
LEDGER: Final = "SandboxLedger"
OPERATIONS: Final = {
    "audit": ("GetItem", "PutItem"),
    "inventory": (*AUDITED, "DeleteItem", "TransactWriteItems"),
    "notification": (*AUDITED, "DeleteItem"),
    "order": (*AUDITED, "DeleteItem", "PutItem", "TransactWriteItems"),
    "payment": AUDITED,
    "payment/ledger": ("GetItem", "PutItem", "Query", "Scan", "TransactWriteItems"),
    "shipping": AUDITED,
}
"""The operations by which functions use each table; a new service begins with AUDITED.

DynamoDB counts its own errors by operation, and has no sum of them.
"""


@dataclass(frozen=True)
class Fault:
    """A fault of a resource: the metric that shows it, from where on, and the runbook."""

    name: str
    metric: str
    text: str
    runbook: str
    above: float = 0
    statistic: str = cloudwatch.Stats.SUM
    minutes: int = 5
    periods: int = 1
    silence: bool = False
    """True if the fault is that the metric counts nothing."""
    dimensions: Mapping[str, str] | None = None
    """Dimensions beside those of the resource."""
    tier: Tier = Tier.FULL


Described = tuple[str, Mapping[str, str], list[Fault]]
"""A resource's namespace, its dimensions and its faults."""


def watch(stack: ServiceStack) -> None:
    """Add the alarms of the inventory to every resource of the stack."""
    for resource in stack.node.find_all():
        described = faults_of(resource, stack.service)
        scope = resource.node.scope
        if described is None or scope is None:
            continue
        namespace, dimensions, faults = described
        for fault in faults:
            metric = cloudwatch.Metric(
                namespace=namespace,
                metric_name=fault.metric,
                dimensions_map={**dimensions, **(fault.dimensions or {})},
                statistic=fault.statistic,
                period=Duration.minutes(fault.minutes),
            )
            name = f"{resource.node.id.removeprefix('Resource')}{fault.name}"
            text = f"{stack.service} {_name_of(resource)} {fault.text}"
            alarm(
                stack,
                scope,
                name,
                metric,
                text,
                fault.runbook,
                above=fault.above,
                periods=fault.periods,
                silence=fault.silence,
                tier=fault.tier,
            )


@singledispatch
def faults_of(resource: IConstruct, service: str) -> Described | None:
    """Return the faults of a resource of the service; None for a kind that has no alarms."""
    return None


def _name_of(resource: IConstruct) -> str:
    """Return the resource's path in its stack, in words: `intake subscription queue`."""
    parts = [part for part in resource.node.path.split("/")[1:] if part not in ("Resource", "Default")]
    return " ".join(word.lower() for part in parts for word in WORD.findall(part))


@faults_of.register
def _function(resource: lambda_.CfnFunction, service: str) -> Described | None:
    seconds = resource.timeout
    assert seconds is not None
    return (
        "AWS/Lambda",
        {"FunctionName": resource.ref},
        [
            Fault(
                "Errors",
                "Errors",
                "raises or times out",
                "function-fails",
                tier=Tier.ESSENTIAL if str(resource.handler).endswith(BY_SCHEDULE) else Tier.FULL,
            ),
            Fault("Throttles", "Throttles", "is throttled", "throttled-or-slow"),
            Fault(
                "Duration",
                "Duration",
                f"runs for over {NEAR_ITS_TIMEOUT_PERCENT} % of its time-out",
                "throttled-or-slow",
                above=seconds * 1000 * NEAR_ITS_TIMEOUT_PERCENT // 100,
                statistic=cloudwatch.Stats.MAXIMUM,
                periods=3,
            ),
        ],
    )


@faults_of.register
def _queue(resource: sqs.CfnQueue, service: str) -> Described | None:
    """Return None for a dead-letter queue, which has its alarm where it is made."""
    if resource.redrive_policy is None:
        return None
    faults = [
        Fault(
            "Depth",
            "ApproximateNumberOfMessagesVisible",
            f"holds over {FULL_QUEUE:,} messages",
            "throttled-or-slow",
            above=FULL_QUEUE,
            statistic=cloudwatch.Stats.MAXIMUM,
        )
    ]
    return "AWS/SQS", {"QueueName": resource.attr_queue_name}, faults


@faults_of.register
def _rule(resource: events.CfnRule, service: str) -> Described | None:
    dimensions = {"RuleName": Fn.select(1, Fn.split("|", resource.ref)) if resource.event_bus_name else resource.ref}
    if resource.event_bus_name:
        dimensions["EventBusName"] = resource.event_bus_name
    faults = [
        Fault("Undelivered", "FailedInvocations", "could not invoke its target", "event-not-delivered"),
        Fault("Throttled", "ThrottledRules", "is throttled", "throttled-or-slow", periods=3),
    ]
    if not resource.schedule_expression:
        lost = "could not put an event into its dead-letter queue"
        faults.append(Fault("Lost", "InvocationsFailedToBeSentToDlq", lost, "event-not-delivered"))
    return "AWS/Events", dimensions, faults


@faults_of.register
def _table(resource: dynamodb.CfnTable, service: str) -> Described | None:
    is_ledger = f"/{LEDGER}/" in resource.node.path
    return (
        "AWS/DynamoDB",
        {"TableName": resource.ref},
        [
            Fault("ReadsThrottled", "ReadThrottleEvents", "throttles reads", "throttled-or-slow", above=10),
            Fault("WritesThrottled", "WriteThrottleEvents", "throttles writes", "throttled-or-slow", above=10),
            *(
                Fault(
                    f"{operation}Errors",
                    "SystemErrors",
                    f"answers {operation} with errors of AWS",
                    "throttled-or-slow",
                    dimensions={"Operation": operation},
                )
                for operation in OPERATIONS.get(f"{service}/ledger" if is_ledger else service, AUDITED)
            ),
        ],
    )


@faults_of.register
def _api(resource: apigatewayv2.CfnApi, service: str) -> Described | None:
    faults = [
        Fault("Fails", "5xx", "answers with 5xx", "api-fails", tier=Tier.ESSENTIAL),
        Fault(
            "Slow",
            "Latency",
            "takes over five seconds",
            "api-fails",
            above=SLOW_ANSWER_MILLISECONDS,
            statistic="p99",
            periods=3,
        ),
    ]
    if service == "order":
        silent = Fault(
            "Silent", "Count", "gets no request for six hours", "api-fails", minutes=60, periods=QUIET_HOURS, silence=True
        )
        faults.append(silent)
    return "AWS/ApiGateway", {"ApiId": resource.ref}, faults


@faults_of.register
def _workflow(resource: sfn.CfnStateMachine, service: str) -> Described | None:
    throttled = Fault("Throttled", "ExecutionThrottled", "is throttled", "throttled-or-slow")
    return "AWS/States", {"StateMachineArn": resource.ref}, [throttled]


@faults_of.register
def _archive(resource: events.CfnArchive, service: str) -> Described | None:
    """Return the fault of the rule by which EventBridge fills the archive. It is named after the archive."""
    bus = Fn.select(1, Fn.split("event-bus/", resource.source_arn))
    missed = Fault("Missed", "FailedInvocations", "misses events", "event-not-delivered", tier=Tier.ESSENTIAL)
    return "AWS/Events", {"RuleName": f"Events-Archive-{resource.ref}", "EventBusName": bus}, [missed]


@faults_of.register
def _delivery_stream(resource: firehose.CfnDeliveryStream, service: str) -> Described | None:
    return (
        "AWS/Firehose",
        {"DeliveryStreamName": resource.ref},
        [
            Fault("Throttled", "ThrottledRecords", "is at its quota", "journal-incomplete"),
            Fault(
                "Behind",
                "DeliveryToS3.DataFreshness",
                f"is more than {BEHIND_SECONDS // 60} minutes behind",
                "journal-incomplete",
                above=BEHIND_SECONDS,
                statistic=cloudwatch.Stats.MAXIMUM,
            ),
        ],
    )


@faults_of.register
def _secret(resource: secretsmanager.CfnSecret, service: str) -> Described | None:
    """Return None if the stage sets no age. No schedule rotates a secret, and a rotation that fails leaves it to grow old."""
    stack = cast(ServiceStack, ServiceStack.of(resource))
    days = stack.settings.secret_age_days
    if not days:
        return None
    old = Fault(
        "Old",
        "SecretAgeDays",
        f"is older than {days} days",
        "secret-is-old",
        above=days,
        statistic=cloudwatch.Stats.MAXIMUM,
        minutes=DAY_MINUTES,
    )
    return metrics_namespace(stack.stage), {"secret": resource.ref}, [old]


@faults_of.register
def _topic(resource: sns.CfnTopic, service: str) -> Described | None:
    lost = Fault("Undelivered", "NumberOfNotificationsFailed", "could not notify its receiver", "alarms-not-received")
    return "AWS/SNS", {"TopicName": resource.attr_topic_name}, [lost]


@faults_of.register
def _mails(resource: ses.CfnConfigurationSet, service: str) -> Described | None:
    """Return the faults of the whole account: SES states its rates without a dimension."""
    return (
        "AWS/SES",
        {},
        [
            Fault(
                "Bounces",
                "Reputation.BounceRate",
                "has a bounce rate of over 5 %",
                "mail-not-sent",
                above=BOUNCES,
                statistic=cloudwatch.Stats.MAXIMUM,
                minutes=60,
                tier=Tier.ESSENTIAL,
            ),
            Fault(
                "Complaints",
                "Reputation.ComplaintRate",
                "has a complaint rate of over 0.1 %",
                "mail-not-sent",
                above=COMPLAINTS,
                statistic=cloudwatch.Stats.MAXIMUM,
                minutes=60,
                tier=Tier.ESSENTIAL,
            ),
        ],
    )
