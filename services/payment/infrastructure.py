"""The payment service's stack."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.constructs.function import ServiceFunction
from cdk.constructs.outbox import Outbox
from cdk.constructs.table import ServiceTable
from cdk.service_stack import LASTING_STAGES, ServiceStack


class PaymentStack(ServiceStack):
    """Payments, and the sandbox gateway's ledger."""

    def __init__(self, scope: Construct, stage: str) -> None:
        super().__init__(scope, stage, "payment")
        table = ServiceTable(self)
        ledger = dynamodb.Table(
            self,
            "SandboxLedger",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            deletion_protection=stage in LASTING_STAGES,
            removal_policy=self.removal_policy,
        )
        self.publish("ledger-table-name", ledger.table_name)
        commands = ServiceFunction(
            self,
            "commands",
            timeout_seconds=10,
            environment={"TABLE_NAME": table.name, "LEDGER_TABLE_NAME": ledger.table_name, "GATEWAY": "sandbox"},
        )
        commands.allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], table.arn)
        commands.allow(["dynamodb:PutItem", "dynamodb:ConditionCheckItem"], ledger.table_arn)
        self.publish("commands-arn", commands.arn)
        Outbox(self, table)
