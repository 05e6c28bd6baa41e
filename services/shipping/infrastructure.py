"""The shipping service's stack."""

from constructs import Construct

from cdk.constructs.function import ServiceFunction
from cdk.constructs.outbox import Outbox
from cdk.constructs.registry import register_schemas
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from services.kernel.names import DUE_INDEX
from services.shipping.consumes import CONSUMES

SHIPMENTS = "SHIP#"
TRANSIT_SECONDS = 60
"""How long the sandbox carrier is on its way, unless the context `transit_seconds` says."""


class ShippingStack(ServiceStack):
    """Shipments of confirmed orders."""

    def __init__(self, scope: Construct, stage: str) -> None:
        super().__init__(scope, stage, "shipping")
        register_schemas(self)
        table = ServiceTable(self, due_index=True)
        subscriber = ServiceFunction(self, "subscriber", timeout_seconds=30, environment={"TABLE_NAME": table.table_name})
        table.allow(subscriber, "GetItem", "UpdateItem", rows=(SHIPMENTS,))
        Subscription(self, "orders", CONSUMES["orders"], subscriber)
        cancellation = ServiceFunction(self, "cancellation", timeout_seconds=30, environment={"TABLE_NAME": table.table_name})
        table.allow(cancellation, "GetItem", "UpdateItem", rows=(SHIPMENTS,))
        Subscription(self, "cancellations", CONSUMES["cancellations"], cancellation)
        contact = self.require("order", "contact-arn")
        transit_seconds = str(self.setting("transit_seconds", TRANSIT_SECONDS))
        outbox = Outbox(
            self,
            table,
            rows=(SHIPMENTS,),
            sweeper_environment={"CONTACT_FUNCTION_ARN": contact, "TRANSIT_SECONDS": transit_seconds},
        )
        table.allow_query(outbox.sweeper, DUE_INDEX)
        outbox.sweeper.allow("lambda:InvokeFunction", on=contact)
