"""The auditor's stack: two functions that may read every table and write only the auditor's own, and their alarms."""

import math

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from audit.tables import AT_ONCE, KEY_PREFIXES, LEDGER, PARAMETERS, STATE_KEY, VARIABLES
from cdk.constructs.acknowledgement import acknowledge
from cdk.constructs.alarm import Tier, alarm, alarm_on_count
from cdk.constructs.encryption import acknowledge_key_of_aws
from cdk.constructs.function import ServiceFunction
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import CHECK_OF_KEY, leading_keys, table_defaults, text
from cdk.service_stack import ServiceStack
from kernel.naming import metrics_namespace, source_of
from kernel.timeouts import DYNAMODB
from stages import Stage

PERIOD = Duration.minutes(15)
TIMEOUT_SECONDS = 300
ORDERS_TIMEOUT_SECONDS = 120
ORDERS_DELAY_SECONDS = 15 * 60
"""The saga, the carrier and the mails have done their work by then, on a good day."""
ORDERS_BATCH = 100
ORDERS_GATHERING_SECONDS = 5 * 60
"""The longest that Lambda lets a batch gather. A message alone in its batch costs twice as much as one of five."""
READS_OF_A_BATCH = 8
"""The batches of keys that 100 orders take beside their ledger's records: one of orders, seven of other rows."""
CHECKED_AFTER = {
    (source_of("order"), "OrderPlaced"),
    (source_of("order"), "OrderCancelRequested"),
    (source_of("order"), "OrderCancelled"),
    (source_of("inventory"), "StockAllocated"),
    (source_of("payment"), "PaymentRefunded"),
}
"""The events after which an order is checked: it is placed, or something unusual changes it."""
ALARMS_OF_ORDERS = {
    "OrderFindings": ("an order breaks an invariant", "audit-finding", Tier.ESSENTIAL),
    "OrdersNotEnded": ("an order has no end an hour after it should", "compensation-failed", Tier.ESSENTIAL),
    "OrdersNotShipped": ("a confirmed order is not with the carrier after an hour", "rows-not-moved", Tier.ESSENTIAL),
    "NewsOverdue": ("a mail about an order is not with SES after an hour", "mail-not-sent", Tier.FULL),
}
NEXT_IS_THE_RETRY = "the next run, in 15 minutes, goes on where the last one stopped; its event holds no data"


class AuditStack(ServiceStack):
    """`audit.function`, every 15 minutes, with the table of its pass, and `audit.orders` behind the events of orders.

    Publishes `function-arn` and the parameters of the subscription `orders`.
    """

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, "audit")
        tables = {table: self.require(*parameter.split("/")) for table, parameter in PARAMETERS.items()}
        environment = {
            **{VARIABLES[table]: name for table, name in tables.items()},
            "ABORT_AFTER_SECONDS": str(self.settings.abort_after_seconds),
            "BACK_ORDERED_FOR_SECONDS": str(self.settings.back_ordered_for_seconds),
        }
        arns = {
            table: self.format_arn(service="dynamodb", resource="table", resource_name=name) for table, name in tables.items()
        }
        own = dynamodb.Table(self, "Table", partition_key=text("pk"), **table_defaults(self))
        acknowledge_key_of_aws(self, own, CHECK_OF_KEY)
        auditor = ServiceFunction(
            self,
            "function",
            package="audit",
            timeout_seconds=TIMEOUT_SECONDS,
            environment={**environment, "TABLE_NAME": own.table_name},
        )
        auditor.allow("dynamodb:Scan", on=list(arns.values()))
        auditor.allow("dynamodb:GetItem", "dynamodb:PutItem", on=own.table_arn, conditions=leading_keys(STATE_KEY))
        orders = ServiceFunction(
            self, "orders", package="audit", timeout_seconds=ORDERS_TIMEOUT_SECONDS, environment=environment
        )
        for table, prefixes in KEY_PREFIXES.items():
            auditor.allow("dynamodb:BatchGetItem", on=arns[table], conditions=leading_keys(*prefixes))
            orders.allow("dynamodb:BatchGetItem", on=arns[table], conditions=leading_keys(prefixes[0]))
        auditor.allow("dynamodb:Query", on=arns[LEDGER])
        orders.allow("dynamodb:Query", on=arns[LEDGER])
        Subscription(
            self,
            "orders",
            CHECKED_AFTER,
            orders,
            batch_seconds=2 * math.ceil((ORDERS_BATCH + READS_OF_A_BATCH) / AT_ONCE) * DYNAMODB.once,
            batch_size=ORDERS_BATCH,
            max_batching_window_seconds=ORDERS_GATHERING_SECONDS,
            delay_seconds=ORDERS_DELAY_SECONDS,
            looks_again=True,
            replays=False,
        )
        for metric, (fault, runbook, tier) in ALARMS_OF_ORDERS.items():
            alarm_on_count(self, metric, fault, runbook, tier=tier)
        self.publish("function-arn", auditor.entry.function_arn)
        schedule = events.Rule(
            self,
            "EveryQuarter",
            description="audit: one part of a pass",
            schedule=events.Schedule.rate(PERIOD),
            targets=[targets.LambdaFunction(auditor.entry, retry_attempts=0, max_event_age=PERIOD)],
        )
        auditor.entry.configure_async_invoke(retry_attempts=0, max_event_age=PERIOD)
        acknowledge(schedule, {"Serverless-EventBusDLQ": NEXT_IS_THE_RETRY})
        acknowledge(auditor.entry, {"Serverless-LambdaAsyncFailureDestination": NEXT_IS_THE_RETRY})
        findings = cloudwatch.Metric(
            namespace=metrics_namespace(stage.name),
            metric_name="AuditFindings",
            dimensions_map={"service": self.service},
            statistic=cloudwatch.Stats.MAXIMUM,
            period=PERIOD,
        )
        alarm(self, self, "Findings", findings, "an invariant is broken", "audit-finding")
        runs = auditor.metric_invocations(period=PERIOD)
        silent = "the audit does not run"
        alarm(self, self, "AuditorSilent", runs, silent, "schedule-stands-still", periods=3, silence=True)
