"""The shipping service's table."""

import os
from functools import cache

from kernel import clients
from kernel.aggregate_store import AggregateStore
from kernel.clients import AwsClient
from services.shipping.domain import states


class Shipments(AggregateStore):
    """The rows `SHIP#<order_id>`."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, states.TRANSITIONS)


@cache
def shipments() -> Shipments:
    """Return the store of shipments in the table that this function was deployed with."""
    return Shipments(clients.dynamodb(), os.environ["TABLE_NAME"])
