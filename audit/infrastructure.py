"""The auditor's stack: a function that may read every table and write its own, its schedule and its alarms."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from audit.tables import KEY_PREFIXES, LEDGER, PARAMETERS, STATE_KEY, VARIABLES
from cdk.constructs.alarm import alarm, alarm_on_silence
from cdk.constructs.function import ServiceFunction
from cdk.constructs.nag_suppressions import acknowledge
from cdk.constructs.table import leading_keys, table_defaults, text
from cdk.service_stack import ServiceStack
from stages import Stage

PERIOD = Duration.minutes(15)
TIMEOUT_SECONDS = 300
NEXT_IS_THE_RETRY = "the next run, in 15 minutes, goes on where the last one stopped; its event holds no data"


class AuditStack(ServiceStack):
    """`audit.function`, every quarter of an hour, and the table of its pass. Publishes `function-arn`."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, "audit")
        tables = {table: self.require(*parameter.split("/")) for table, parameter in PARAMETERS.items()}
        own = dynamodb.Table(self, "Table", partition_key=text("pk"), **table_defaults(self))
        auditor = ServiceFunction(
            self,
            "function",
            package="audit",
            timeout_seconds=TIMEOUT_SECONDS,
            environment={
                **{VARIABLES[table]: name for table, name in tables.items()},
                "TABLE_NAME": own.table_name,
                "ABORT_AFTER_SECONDS": str(self.settings.abort_after_seconds),
                "BACK_ORDERED_FOR_SECONDS": str(self.settings.back_ordered_for_seconds),
            },
        )
        arns = {
            table: self.format_arn(service="dynamodb", resource="table", resource_name=name) for table, name in tables.items()
        }
        auditor.allow("dynamodb:Scan", on=list(arns.values()))
        for table, prefixes in KEY_PREFIXES.items():
            auditor.allow("dynamodb:BatchGetItem", on=arns[table], conditions=leading_keys(*prefixes))
        auditor.allow("dynamodb:Query", on=arns[LEDGER])
        auditor.allow("dynamodb:GetItem", "dynamodb:PutItem", on=own.table_arn, conditions=leading_keys(STATE_KEY))
        self.publish("function-arn", auditor.function_arn)
        schedule = events.Rule(
            self,
            "EveryQuarter",
            description="audit: one part of a pass",
            schedule=events.Schedule.rate(PERIOD),
            targets=[targets.LambdaFunction(auditor, retry_attempts=0, max_event_age=PERIOD)],
        )
        auditor.configure_async_invoke(retry_attempts=0, max_event_age=PERIOD)
        acknowledge(schedule, {"Serverless-EventBusDLQ": NEXT_IS_THE_RETRY})
        acknowledge(auditor, {"Serverless-LambdaAsyncFailureDestination": NEXT_IS_THE_RETRY})
        findings = cloudwatch.Metric(
            namespace="Orderflow",
            metric_name="AuditFindings",
            dimensions_map={"service": self.service},
            statistic=cloudwatch.Stats.MAXIMUM,
            period=PERIOD,
        )
        alarm(
            self,
            self,
            "Findings",
            findings,
            "an invariant is broken: read the auditor's log, then docs/reference/invariants.md",
        )
        runs = auditor.metric_invocations(period=PERIOD)
        alarm_on_silence(self, self, "AuditorSilent", runs, "the audit does not run: check that its rule is enabled", periods=3)
