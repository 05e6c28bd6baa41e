"""The shipping service's table."""

import os
from datetime import datetime
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from services.kernel import clients, clock
from services.kernel.rows import Rows, is_condition_failure, marshal
from services.shipping import states


class Shipments(Rows):
    """The rows `SHIP#<order_id>`."""

    def __init__(self, client: Any, table_name: str) -> None:
        super().__init__(client, table_name, states.TRANSITIONS)

    def postpone(self, order_id: str, now: datetime) -> None:
        """Let a shipment that is due come after all the others that are; one that is not due stays as it is."""
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=marshal({"pk": self.key(order_id)}),
                UpdateExpression="SET next_due = :now",
                ConditionExpression="next_due < :now",
                ExpressionAttributeValues=marshal({":now": clock.rfc3339(now)}),
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise


@cache
def shipments() -> Shipments:
    """The shipments of the table this function was deployed with."""
    return Shipments(clients.dynamodb(), os.environ["TABLE_NAME"])
