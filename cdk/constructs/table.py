"""A service's table: keyed by `pk`, with its outbox's sparse index and its stream. Nothing in it expires."""

from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk.service_stack import LASTING_STAGES, ServiceStack
from services.kernel.names import DUE_INDEX, PENDING_INDEX


class ServiceTable(Construct):
    """One table for each service, published as `table-name`."""

    def __init__(self, stack: ServiceStack, *, due_index: bool = False) -> None:
        super().__init__(stack, "Table")
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            stream=dynamodb.StreamViewType.NEW_IMAGE,
            encryption=dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True),
            deletion_protection=stack.stage in LASTING_STAGES,
            removal_policy=stack.removal_policy,
        )
        self._index(PENDING_INDEX, "pending_shard", "pending_since")
        if due_index:
            self._index(DUE_INDEX, "due_shard", "next_due")
        stack.publish("table-name", self.table.table_name)

    @property
    def name(self) -> str:
        """The table's name, for a function's environment."""
        return self.table.table_name

    @property
    def arn(self) -> str:
        """The table's ARN, for a function's role."""
        return self.table.table_arn

    def index_arn(self, index: str) -> str:
        """An index's ARN, for a function's role."""
        return f"{self.table.table_arn}/index/{index}"

    def _index(self, name: str, partition: str, order: str) -> None:
        self.table.add_global_secondary_index(
            index_name=name,
            partition_key=dynamodb.Attribute(name=partition, type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name=order, type=dynamodb.AttributeType.STRING),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
