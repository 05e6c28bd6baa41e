"""The inventory service's stack."""

from constructs import Construct

from cdk.constructs.alarm import Tier, alarm_on_count
from cdk.constructs.facts import ask_facts, state_facts
from cdk.constructs.function import ServiceFunction
from cdk.constructs.http_api import HttpApi
from cdk.constructs.outbox import Outbox
from cdk.constructs.receipts import give_key
from cdk.constructs.registry import register_schemas
from cdk.constructs.subscription import Subscription
from cdk.constructs.table import ServiceTable
from cdk.service_stack import ServiceStack
from kernel.naming import DUE_INDEX
from kernel.timeouts import DYNAMODB, FUNCTIONS
from services.inventory.subscriptions import FILTERS, SUBSCRIPTIONS
from stages import Stage

RESERVATIONS, REPLENISHMENTS, SKUS, SHARDS, LEVELS, PLACES = "RES#", "REPL#", "SKU#", "SHARD#", "LEVEL#", "PLACE#"
SUBSCRIBER_SECONDS = 60
BATCH = 5
"""So few that even if every one waits for another service's facts, the function is not cut in the middle."""
MESSAGE_SECONDS = FUNCTIONS.seconds + 2 * DYNAMODB.once
"""The longest that a message takes: the other service's facts, the row twice."""


ROW_SECONDS = FUNCTIONS.seconds + 6 * DYNAMODB.once
"""The longest that the sweeper takes over one row: an order is asked for, and a transaction is tried again."""
ORPHANS = {
    "OrphanReleased": ("stock held for no order was released", Tier.FULL),
    "OrphansNotReleased": ("stock held for no order cannot be released", Tier.ESSENTIAL),
}
"""The sweeper\'s metrics about what no order needs: the fault, and the alarm\'s tier."""


class InventoryStack(ServiceStack):
    """Stock and its reservations."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, "inventory")
        register_schemas(self)
        table = ServiceTable(self, due_index=True)
        environment = {"TABLE_NAME": table.table_name}
        commands = ServiceFunction(self, "commands", timeout_seconds=10, environment=environment, primed_row=RESERVATIONS)
        table.allow(commands, "GetItem", "UpdateItem", rows=(RESERVATIONS, SKUS, SHARDS))
        table.allow(commands, "UpdateItem", "DeleteItem", rows=(PLACES,))
        give_key(self, commands)
        self.publish("commands-arn", commands.entry.function_arn)
        operator = ServiceFunction(self, "operator", timeout_seconds=10, environment=environment)
        table.allow(operator, "GetItem", rows=(SKUS, SHARDS, LEVELS))
        table.allow(operator, "UpdateItem", rows=(REPLENISHMENTS, SKUS, SHARDS, LEVELS))
        self.publish("operator-arn", operator.entry.function_arn)
        api = ServiceFunction(self, "api", timeout_seconds=10, environment=environment)
        table.allow(api, "GetItem", rows=(SKUS, SHARDS))
        HttpApi(self, api, ("GET /stock/{sku}",))
        subscriber = ServiceFunction(self, "subscriber", timeout_seconds=SUBSCRIBER_SECONDS, environment=environment)
        table.allow(subscriber, "GetItem", rows=(RESERVATIONS,))
        table.allow(subscriber, "UpdateItem", rows=(RESERVATIONS, SKUS, SHARDS))
        Subscription(
            self,
            "cancellations",
            SUBSCRIPTIONS["cancellations"],
            subscriber,
            only=FILTERS["cancellations"],
            batch_size=BATCH,
            batch_seconds=BATCH * MESSAGE_SECONDS,
        )
        state_facts(self, table, RESERVATIONS)
        ask_facts(self, subscriber, "order")
        outbox = Outbox(
            self, table, rows=(RESERVATIONS, REPLENISHMENTS, LEVELS), row_seconds=ROW_SECONDS, leaves_open_rows=True
        )
        table.allow(outbox.sweeper, "GetItem", "UpdateItem", rows=(SKUS, SHARDS))
        table.allow(outbox.sweeper, "BatchGetItem", "DeleteItem", rows=(PLACES,))
        table.allow_query(outbox.sweeper, DUE_INDEX)
        ask_facts(self, outbox.sweeper, "order")
        for name, (fault, tier) in ORPHANS.items():
            alarm_on_count(self, name, fault, "orphan-money-or-goods", tier=tier)
        alarm_on_count(self, "StockNotLookedAt", "back-orders are not served", "rows-not-moved")
        low = "less of a SKU is available than its threshold"
        alarm_on_count(self, "StockRunningLow", low, "stock-runs-low", tier=Tier.FULL)
