"""The notification service's stack."""

from aws_cdk import Stack
from constructs import Construct

from cdk.constructs.function import ServiceFunction
from cdk.constructs.outbox import Outbox
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from services.kernel.names import DUE_INDEX
from services.notification.consumes import CONSUMES

SENDER = "orders@example.com"
"""The address that mails come from, unless the context `sender` names another; SES must know it."""
CLAIM_UNKNOWN_AFTER_SECONDS = 600


class NotificationStack(ServiceStack):
    """Mails to customers."""

    def __init__(self, scope: Construct, stage: str) -> None:
        super().__init__(scope, stage, "notification")
        table = ServiceTable(self, due_index=True)
        contact = self.require("order", "contact-arn")
        sender = self.node.try_get_context("sender") or SENDER
        subscriber = ServiceFunction(
            self,
            "subscriber",
            timeout_seconds=30,
            environment={"TABLE_NAME": table.name, "CONTACT_FUNCTION_ARN": contact, "SENDER_ADDRESS": sender},
        )
        subscriber.allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], table.arn)
        subscriber.allow(["lambda:InvokeFunction"], contact)
        subscriber.allow(["ses:SendEmail"], Stack.of(self).format_arn(service="ses", resource="identity", resource_name=sender))
        Subscription(self, "notices", CONSUMES["notices"], subscriber)
        outbox = Outbox(self, table, sweeper_environment={"CLAIM_UNKNOWN_AFTER_SECONDS": str(CLAIM_UNKNOWN_AFTER_SECONDS)})
        outbox.sweeper.allow(["dynamodb:Query"], table.index_arn(DUE_INDEX))
