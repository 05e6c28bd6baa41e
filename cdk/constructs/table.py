"""A service's table: keyed by `pk`, with its outbox's sparse index and its stream. Its rows never expire."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import aws_dynamodb as dynamodb

import stages
from cdk.constructs.encryption import acknowledge_key_of_aws
from cdk.constructs.function import ServiceFunction
from cdk.service_stack import ServiceStack
from kernel.naming import DUE_INDEX, PENDING_INDEX
from stages import Stage

CHECK_OF_KEY = "CKV_AWS_119"
"""The rule of checkov about an own key."""
READS_PER_WRITE = 3
"""A new table bears 12,000 reads and 4,000 writes a second
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html)."""
MOST_READS = 40_000
"""The reads a second of a table or an index that an account has by default."""


class ServiceTable(dynamodb.Table):
    """The one table of a service, published as `table-name`, with the index `pending` and, if asked for, `due`."""

    def __init__(self, stack: ServiceStack, *, due_index: bool = False) -> None:
        self._settings = stack.settings
        super().__init__(
            stack, "Table", partition_key=text("pk"), stream=dynamodb.StreamViewType.NEW_IMAGE, **table_defaults(stack)
        )
        acknowledge_key_of_aws(stack, self, CHECK_OF_KEY)
        self.add_index(PENDING_INDEX, "pending_shard", "pending_since")
        if due_index:
            self.add_index(DUE_INDEX, "due_shard", "next_due")
        stack.publish("table-name", self.table_name)

    def allow(self, function: ServiceFunction, *operations: str, rows: tuple[str, ...]) -> None:
        """Allow the function `operations` (GetItem ...) on rows with a key that starts with one of `rows` (`ORDER#` ...)."""
        function.allow(
            *(f"dynamodb:{operation}" for operation in operations),
            on=self.table_arn,
            conditions=leading_keys(*rows),
        )

    def allow_query(self, function: ServiceFunction, index: str) -> None:
        """Let the function query `index`."""
        function.allow("dynamodb:Query", on=f"{self.table_arn}/index/{index}")

    def allow_scan(self, function: ServiceFunction, attributes: tuple[str, ...]) -> None:
        """Let the function scan the table, and see only `attributes` of its rows.

        A scan cannot be limited to some rows (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html).
        """
        seen = {"ForAllValues:StringEquals": {"dynamodb:Attributes": list(attributes)}}
        chosen = {"StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}}
        function.allow("dynamodb:Scan", on=self.table_arn, conditions={**seen, **chosen})

    def add_index(self, name: str, partition: str, order: str, shows: Sequence[str] = ()) -> None:
        """Add an index by `partition`, sorted by `order`, with the attributes `shows` beside its keys.

        A write that changes none of them is free in it.
        """
        self.add_global_secondary_index(
            index_name=name,
            partition_key=text(partition),
            sort_key=text(order),
            projection_type=dynamodb.ProjectionType.INCLUDE if shows else dynamodb.ProjectionType.KEYS_ONLY,
            non_key_attributes=list(shows) or None,
            warm_throughput=warm_throughput(self._settings),
        )


def leading_keys(*prefixes: str) -> dict[str, Any]:
    """Return the condition that limits a statement to rows with a partition key that starts with one of these prefixes."""
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{prefix}*" for prefix in prefixes]}}


def text(name: str) -> dynamodb.Attribute:
    """Return a key attribute of type string."""
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def warm_throughput(settings: Stage) -> dynamodb.WarmThroughput | None:
    """Return what a new table, or an index of it, bears at once: None for DynamoDB's own values."""
    writes = settings.table_writes
    if writes == stages.default("table_writes"):
        return None
    reads = min(READS_PER_WRITE * writes, MOST_READS)
    return dynamodb.WarmThroughput(read_units_per_second=reads, write_units_per_second=writes)


def table_defaults(stack: ServiceStack) -> dict[str, Any]:
    """Return the defaults of all tables: encryption, recovery to any second of 35 days, size and removal by the stage."""
    return {
        "billing_mode": dynamodb.BillingMode.PAY_PER_REQUEST,
        "warm_throughput": warm_throughput(stack.settings),
        "encryption": dynamodb.TableEncryption.AWS_MANAGED,
        "point_in_time_recovery_specification": dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
        "deletion_protection": stack.keeps_data,
        "removal_policy": stack.removal_policy,
    }
