"""The journal's stack: a rule that ignores replays, its queue, and one function that writes one table."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.constructs.function import ServiceFunction
from cdk.constructs.subscription import EVERY, Subscription
from cdk.constructs.table import leading_keys, table_defaults, text
from cdk.service_stack import ServiceStack
from journal.items import EXPIRES, HOUR_INDEX, OF_AN_ORDER, OF_NO_ORDER
from kernel.naming import SOURCE_PREFIX
from kernel.timeouts import DYNAMODB
from stages import Stage

TIMEOUT_SECONDS = 30
BATCH, GATHERING_SECONDS = 100, 5


class JournalStack(ServiceStack):
    """`journal.function` and its table. Publishes `table-name` and the parameters of the subscription `events`."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage, "journal")
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=text("pk"),
            sort_key=text("sk"),
            time_to_live_attribute=EXPIRES,
            **table_defaults(self),
        )
        table.add_global_secondary_index(
            index_name=HOUR_INDEX,
            partition_key=text("hour"),
            sort_key=text("put_at"),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        self.publish("table-name", table.table_name)
        days = self.settings.archive_retention_days
        writer = ServiceFunction(
            self,
            "function",
            package="journal",
            timeout_seconds=TIMEOUT_SECONDS,
            environment={"TABLE_NAME": table.table_name, "RETENTION_DAYS": str(days)},
        )
        writer.allow("dynamodb:BatchWriteItem", on=table.table_arn, conditions=leading_keys(OF_AN_ORDER, OF_NO_ORDER))
        Subscription(
            self,
            "events",
            {(f"{SOURCE_PREFIX}*", EVERY)},
            writer,
            batch_size=BATCH,
            batch_seconds=-(-BATCH // 25) * DYNAMODB.once,
            max_batching_window_seconds=GATHERING_SECONDS,
            max_concurrency=self.settings.journal_concurrency,
            replays=False,
        )
