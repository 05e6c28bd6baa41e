"""The shipping service's stack."""

from constructs import Construct

from cdk.constructs.function import ServiceFunction
from cdk.constructs.outbox import Outbox
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from services.kernel.names import DUE_INDEX
from services.shipping.consumes import CONSUMES

TRANSIT_SECONDS = 60
"""How long the sandbox carrier is on its way."""


class ShippingStack(ServiceStack):
    """Shipments of confirmed orders."""

    def __init__(self, scope: Construct, stage: str) -> None:
        super().__init__(scope, stage, "shipping")
        table = ServiceTable(self, due_index=True)
        contact = self.require("order", "contact-arn")
        subscriber = ServiceFunction(self, "subscriber", timeout_seconds=30, environment={"TABLE_NAME": table.name})
        subscriber.allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], table.arn)
        Subscription(self, "orders", CONSUMES["orders"], subscriber)
        outbox = Outbox(
            self,
            table,
            sweeper_environment={"CONTACT_FUNCTION_ARN": contact, "TRANSIT_SECONDS": str(TRANSIT_SECONDS)},
        )
        outbox.sweeper.allow(["dynamodb:Query"], table.index_arn(DUE_INDEX))
        outbox.sweeper.allow(["lambda:InvokeFunction"], contact)
