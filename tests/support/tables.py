"""Tables for unit tests, with the key and the sparse indexes that every service's table has."""

from collections.abc import Mapping
from typing import TypedDict

from kernel.clients import AwsClient
from kernel.naming import DUE_INDEX, PENDING_INDEX
from services.order.storage.indexes import CUSTOMER_INDEX


class Key(TypedDict):
    """An attribute of a key. `KeyType` is HASH or RANGE."""

    AttributeName: str
    KeyType: str


class Index(TypedDict):
    """A global secondary index, as CreateTable takes it."""

    IndexName: str
    KeySchema: list[Key]
    Projection: Mapping[str, object]


def create_orders(client: AwsClient, name: str) -> None:
    """Create the order service's table, with its index by customer too."""
    create_table(client, name, _sparse_index(CUSTOMER_INDEX, "customer_id", "created_at"))


def create_table(client: AwsClient, name: str, *more: Index) -> None:
    """Create a table keyed by `pk`, with the indexes `pending` and `due`, and others if named."""
    keys = [key["AttributeName"] for index in more for key in index["KeySchema"]]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": "S"}
            for attribute in ("pk", "pending_shard", "pending_since", "due_shard", "next_due", *keys)
        ],
        GlobalSecondaryIndexes=[
            _sparse_index(PENDING_INDEX, "pending_shard", "pending_since"),
            _sparse_index(DUE_INDEX, "due_shard", "next_due"),
            *more,
        ],
    )


def create_ledger(client: AwsClient, name: str) -> None:
    """Create the sandbox gateway's ledger: a table keyed by `pk` and `sk`, without indexes."""
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": "S"} for attribute in ("pk", "sk")],
    )


def _sparse_index(name: str, partition: str, order: str) -> Index:
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": order, "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
