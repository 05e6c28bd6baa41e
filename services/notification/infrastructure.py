"""The notification service's stack."""

from constructs import Construct

from cdk.constructs.function import ServiceFunction
from cdk.constructs.outbox import Outbox
from cdk.constructs.registry import register_schemas
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from services.kernel.names import DUE_INDEX
from services.notification.consumes import CONSUMES

NOTES = "NOTE#"
SENDER = "orders@example.com"
"""The address that mails come from, unless the context `sender` names another; SES must have verified it, or its domain."""
CLAIM_UNKNOWN_AFTER_SECONDS = 600
SUBSCRIBER_SECONDS = 60
BATCH = 5
"""So few that even if every contact (6 s) and every mail (5 s) is waited for, no mail is cut off while it is being sent."""


class NotificationStack(ServiceStack):
    """Mails to customers."""

    def __init__(self, scope: Construct, stage: str) -> None:
        super().__init__(scope, stage, "notification")
        register_schemas(self)
        table = ServiceTable(self, due_index=True)
        contact = self.require("order", "contact-arn")
        sender = self.setting("sender", SENDER)
        self.publish("sender-address", sender)
        subscriber = ServiceFunction(
            self,
            "subscriber",
            timeout_seconds=SUBSCRIBER_SECONDS,
            environment={"TABLE_NAME": table.table_name, "CONTACT_FUNCTION_ARN": contact, "SENDER_ADDRESS": sender},
        )
        table.allow(subscriber, "GetItem", "UpdateItem", rows=(NOTES,))
        subscriber.allow("lambda:InvokeFunction", on=contact)
        subscriber.allow(
            "ses:SendEmail",
            on=[self.format_arn(service="ses", resource="identity", resource_name=name) for name in identities(sender)],
            conditions={"StringEquals": {"ses:FromAddress": sender}},
        )
        Subscription(self, "notices", CONSUMES["notices"], subscriber, batch_size=BATCH)
        outbox = Outbox(
            self,
            table,
            rows=(NOTES,),
            sweeper_environment={"CLAIM_UNKNOWN_AFTER_SECONDS": str(CLAIM_UNKNOWN_AFTER_SECONDS)},
        )
        table.allow_query(outbox.sweeper, DUE_INDEX)


def identities(sender: str) -> tuple[str, str]:
    """The SES identities that may stand for the address: itself, or its domain."""
    return sender, sender.rsplit("@", 1)[-1]
