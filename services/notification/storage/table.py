"""The notification service's table."""

import os
from functools import cache

from kernel import clients
from kernel.aggregate_store import AggregateStore
from kernel.clients import AwsClient
from services.notification.domain import states
from services.notification.storage.suppressions import Suppressions


class Notes(AggregateStore):
    """The rows `NOTE#<order_id>#<kind>`. They hold no address and no name."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, states.TRANSITIONS)


@cache
def notes() -> Notes:
    """Return the store of notes in the table that this function was deployed with."""
    return Notes(clients.dynamodb(), os.environ["TABLE_NAME"])


@cache
def suppressions() -> Suppressions:
    """Return the suppression list in the same table."""
    return Suppressions(clients.dynamodb(), os.environ["TABLE_NAME"])
