"""The payment service's table."""

import os
from functools import cache

from kernel import clients
from kernel.aggregate_store import AggregateStore, Row
from kernel.clients import AwsClient
from kernel.money import Money
from services.payment.domain import states
from services.payment.domain.gateway import Intent


class Payments(AggregateStore):
    """The rows `PAY#<order_id>`."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, states.TRANSITIONS)


def intent_of(row: Row) -> Intent:
    """Return the intent of a payment's row."""
    return Intent(row["order_id"], Money.from_dict(row["total"]), row["payment_token"])


@cache
def payments() -> Payments:
    """Return the store of payments in the table that this function was deployed with."""
    return Payments(clients.dynamodb(), os.environ["TABLE_NAME"])


@cache
def disputes() -> AggregateStore:
    """Return the store of disputes, `DISPUTE#<dispute_id>`, in the same table."""
    return AggregateStore(clients.dynamodb(), os.environ["TABLE_NAME"], states.DISPUTES)


@cache
def outside_refunds() -> AggregateStore:
    """Return the store of refunds made by hand at the gateway, `REFUND#<refund id>`, in the same table."""
    return AggregateStore(clients.dynamodb(), os.environ["TABLE_NAME"], states.OUTSIDE_REFUNDS)
