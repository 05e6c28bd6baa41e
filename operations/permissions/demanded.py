"""The permissions that functions and roles have beside those for their recorded calls, each with its reason.

AWS itself makes these calls with our roles, or defines an action without resources to name.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from operations.permissions.recorded import KINDS_OF_STAGES, SANDBOX, STACKS, Call

EVERY_FUNCTION: Final = "every function"
CONSUMERS: Final = {
    "order/intake": "order/intake",
    "order/subscriber": "order/fulfilment",
    "payment/subscriber": "payment/cancellations",
    "inventory/subscriber": "inventory/cancellations",
    "shipping/subscriber": "shipping/orders",
    "shipping/booking": "shipping/bookings",
    "shipping/cancellation": "shipping/cancellations",
    "notification/subscriber": "notification/notices",
    "audit/orders": "audit/orders",
}
"""The queue of each function that consumes one."""
WITHOUT_EVENTS: Final = ("audit", "journal")
RELAYS: Final = tuple(f"{stack}/relay" for stack in STACKS if stack not in WITHOUT_EVENTS)
SHIFTED_TRAFFIC: Final = "shifted traffic"
"""The option of a stage with the setting `traffic` at `canary` or `linear`."""
OWN_KEY: Final = "a key of its own"
"""The option of a stage with the setting `encryption_key` at `own`."""
SENDS: Final = ("sqs:SendMessage", "s3:PutObject")
READS: Final = ("sqs:ReceiveMessage", "secretsmanager:GetSecretValue")
"""The calls, beside all of DynamoDB's, in which AWS uses the key of the data with the caller's permissions."""
DOCS: Final = "https://docs.aws.amazon.com"
KEPT_ROWS: Final = "A stage whose gateway changes from Stripe to the sandbox keeps these rows, with events in their outboxes."


@dataclass(frozen=True)
class Demand:
    """The permissions of the functions or roles `by`, and `why`. `source` is AWS's page about it.

    In `on`, `{by}` is the function, `{service}` its service, and `{queue}` the queue that it consumes. `only` are parts of the
    resource, as a `Call` has them. If another role has the permissions that are about `by`, it is `role`. A demand with an
    `option` is one of stages with that option only.
    """

    by: tuple[str, ...]
    actions: tuple[str, ...]
    on: str
    why: str
    source: str = ""
    only: tuple[str, ...] = ("",)
    kinds: tuple[str, ...] = KINDS_OF_STAGES
    role: str = "{by}"
    option: str = ""

    def calls(self, functions: Iterable[str]) -> Iterator[Call]:
        """Yield each permission. `functions` are all functions of the stage."""
        for by in functions if self.by == (EVERY_FUNCTION,) else self.by:
            words = {"by": by, "service": by.partition("/")[0], "queue": CONSUMERS.get(by, "")}
            for action in self.actions:
                for only in self.only:
                    yield Call(self.role.format(**words), action, self.on.format(**words), only)


DEMANDS: Final = (
    Demand(
        (EVERY_FUNCTION,),
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        "its log",
        "Lambda writes the log with the function's role.",
        f"{DOCS}/lambda/latest/dg/monitoring-cloudwatchlogs.html",
    ),
    Demand(
        (EVERY_FUNCTION,),
        ("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
        "*",
        "Lambda sends traces with the function's role, and the actions have no resources to name.",
        f"{DOCS}/service-authorization/latest/reference/list_awsx-ray.html",
    ),
    Demand(
        tuple(CONSUMERS),
        ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        "queue {queue}",
        "Lambda polls the queue with the function's role.",
        f"{DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-lambda-function-trigger.html",
    ),
    Demand(
        RELAYS,
        ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
        "stream {service}",
        "Lambda reads the stream with the function's role.",
        f"{DOCS}/lambda/latest/dg/services-dynamodb-eventsourcemapping.html",
    ),
    Demand(
        RELAYS,
        ("dynamodb:ListStreams",),
        "stream {service}",
        "Lambda looks for the stream with the function's role; the action is about all streams of one table (`/stream/*`).",
        f"{DOCS}/lambda/latest/dg/services-dynamodb-eventsourcemapping.html",
    ),
    Demand(
        (*RELAYS, "notification/feedback"),
        ("sqs:SendMessage",),
        "dead letters {by}",
        "Lambda sends what the function failed to handle, with the function's role.",
        f"{DOCS}/lambda/latest/dg/invocation-async-retain-records.html",
    ),
    Demand(
        ("notification/subscriber",),
        ("ses:SendEmail",),
        "mail identity of the domain",
        "SES accepts the sender's address by the identity of the address or of its domain, whichever is verified.",
        f"{DOCS}/ses/latest/dg/creating-identities.html",
        only=("from the stage's sender",),
    ),
    Demand(
        ("order/saga",),
        ("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
        "*",
        "Step Functions sends traces with the workflow's role, and the actions have no resources to name.",
        f"{DOCS}/step-functions/latest/dg/concepts-xray-tracing.html",
    ),
    Demand(
        ("order/saga",),
        (
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        ),
        "*",
        "Step Functions sets up the delivery of its log with the workflow's role; the actions have no resources to name.",
        f"{DOCS}/step-functions/latest/dg/cw-logs.html",
    ),
    Demand(
        ("journal/deliverer",),
        ("firehose:PutRecord", "firehose:PutRecordBatch"),
        "delivery streams",
        "EventBridge delivers events with this role, one by one or in batches.",
        f"{DOCS}/firehose/latest/dev/controlling-access.html",
    ),
    Demand(
        ("journal/writer",),
        ("s3:PutObject", "s3:AbortMultipartUpload"),
        "bucket",
        "Firehose writes objects with this role, whose names end in their time: `events/*` and `errors/*`.",
        f"{DOCS}/firehose/latest/dev/controlling-access.html",
        only=("events/*", "errors/*"),
    ),
    Demand(
        ("journal/writer",),
        ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
        "bucket",
        "Firehose finds the bucket and its unfinished uploads with this role.",
        f"{DOCS}/firehose/latest/dev/controlling-access.html",
    ),
    Demand(
        ("journal/writer",),
        ("lambda:InvokeFunction", "lambda:GetFunctionConfiguration"),
        "function journal/function",
        "Firehose invokes the function with this role, and reads its time-out.",
        f"{DOCS}/firehose/latest/dev/controlling-access.html",
    ),
    Demand(
        ("payment/relay", "payment/sweeper"),
        ("dynamodb:GetItem", "dynamodb:UpdateItem"),
        "table payment",
        KEPT_ROWS,
        only=("DISPUTE#", "REFUND#"),
        kinds=(SANDBOX,),
    ),
    Demand(
        ("payment/relay", "payment/sweeper"),
        ("events:PutEvents",),
        "bus",
        KEPT_ROWS,
        only=tuple(
            f"orderflow.payment {name}" for name in ("PaymentDisputed", "PaymentDisputeClosed", "PaymentRefundedOutside")
        ),
        kinds=(SANDBOX,),
    ),
    Demand(("payment/facts",), ("dynamodb:GetItem",), "table payment", KEPT_ROWS, only=("REFUND#",), kinds=(SANDBOX,)),
    Demand(
        ("audit/function",),
        ("dynamodb:BatchGetItem",),
        "table payment",
        KEPT_ROWS,
        only=("DISPUTE#", "REFUND#"),
        kinds=(SANDBOX,),
    ),
    Demand(
        (EVERY_FUNCTION,),
        ("lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"),
        "function {by}",
        "CodeDeploy moves the aliases of a service's functions with one role.",
        f"{DOCS}/codedeploy/latest/userguide/getting-started-create-service-role.html",
        role="{service}/traffic",
        option=SHIFTED_TRAFFIC,
    ),
    Demand(
        tuple(f"{stack}/traffic" for stack in STACKS),
        ("cloudwatch:DescribeAlarms",),
        "alarms of a shift",
        "CodeDeploy goes back if one of these alarms rings.",
        f"{DOCS}/codedeploy/latest/userguide/monitoring-create-alarms.html",
        option=SHIFTED_TRAFFIC,
    ),
)


def calls(kind: str, functions: Iterable[str], options: Collection[str] = ()) -> set[Call]:
    """Return every permission of a stage of that kind, with these options, that no recorded call needs.

    `functions` are all functions of the stage.
    """
    known = sorted(functions)
    demands = [demand for demand in DEMANDS if kind in demand.kinds and demand.option in ("", *options)]
    return {call for demand in demands for call in demand.calls(known)}


def of_the_key(calls: Iterable[Call]) -> set[Call]:
    """Return the permissions on a stage's own key that these calls need, each through the service that is called."""
    found = set()
    for call in calls:
        service = call.action.partition(":")[0]
        if service == "dynamodb" or call.action in (*SENDS, *READS):
            found.add(Call(call.by, "kms:Decrypt", "key", f"through {service}"))
        if call.action in SENDS:
            found.add(Call(call.by, "kms:GenerateDataKey", "key", f"through {service}"))
    return found
