"""The payment service's stack."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.constructs.function import ServiceFunction
from cdk.constructs.outbox import Outbox
from cdk.constructs.registry import register_schemas
from cdk.constructs.table import ServiceTable, kept, text
from cdk.service_stack import ServiceStack

PAYMENTS = "PAY#"


class PaymentStack(ServiceStack):
    """Payments, and the sandbox gateway's ledger."""

    def __init__(self, scope: Construct, stage: str) -> None:
        super().__init__(scope, stage, "payment")
        register_schemas(self)
        table = ServiceTable(self)
        ledger = dynamodb.Table(self, "SandboxLedger", partition_key=text("pk"), sort_key=text("sk"), **kept(self))
        self.publish("ledger-table-name", ledger.table_name)
        commands = ServiceFunction(
            self,
            "commands",
            timeout_seconds=10,
            environment={"TABLE_NAME": table.table_name, "LEDGER_TABLE_NAME": ledger.table_name, "GATEWAY": "sandbox"},
        )
        table.allow(commands, "GetItem", "UpdateItem", rows=(PAYMENTS,))
        commands.allow("dynamodb:PutItem", "dynamodb:ConditionCheckItem", on=ledger.table_arn)
        self.publish("commands-arn", commands.function_arn)
        Outbox(self, table, rows=(PAYMENTS,))
