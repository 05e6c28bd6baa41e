"""The payment service's stack."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.constructs.alarm import alarm_on_count
from cdk.constructs.function import ServiceFunction
from cdk.constructs.outbox import Outbox
from cdk.constructs.registry import register_schemas
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable, kept, text
from cdk.service_stack import ServiceStack
from services.kernel.names import DUE_INDEX
from services.payment.consumes import CONSUMES

PAYMENTS = "PAY#"


class PaymentStack(ServiceStack):
    """Payments, and the sandbox gateway's ledger."""

    def __init__(self, scope: Construct, stage: str) -> None:
        super().__init__(scope, stage, "payment")
        register_schemas(self)
        table = ServiceTable(self, due_index=True)
        ledger = dynamodb.Table(self, "SandboxLedger", partition_key=text("pk"), sort_key=text("sk"), **kept(self))
        self.publish("ledger-table-name", ledger.table_name)
        gateway = {"LEDGER_TABLE_NAME": ledger.table_name, "GATEWAY": "sandbox"}
        environment = {"TABLE_NAME": table.table_name, **gateway}
        commands = ServiceFunction(self, "commands", timeout_seconds=10, environment=environment)
        table.allow(commands, "GetItem", "UpdateItem", rows=(PAYMENTS,))
        self.publish("commands-arn", commands.function_arn)
        subscriber = ServiceFunction(self, "subscriber", timeout_seconds=30, environment=environment)
        table.allow(subscriber, "GetItem", "UpdateItem", rows=(PAYMENTS,))
        Subscription(self, "cancellations", CONSUMES["cancellations"], subscriber)
        outbox = Outbox(self, table, rows=(PAYMENTS,), sweeper_environment=gateway)
        table.allow_query(outbox.sweeper, DUE_INDEX)
        for function in (commands, subscriber, outbox.sweeper):
            function.allow("dynamodb:PutItem", "dynamodb:ConditionCheckItem", on=ledger.table_arn)
        alarm_on_count(self, "RefundRefused", "the gateway refused a refund: docs/runbooks/refund-refused.md")
