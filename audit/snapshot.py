"""The books: all rows of a stage's tables, read side by side, as plain data."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

from audit.tables import TABLES
from kernel import clock
from kernel.aggregate_store import Row, marshal

SKEW: Final = timedelta(seconds=2)
"""How far the clocks of two machines may be apart."""

_deserialize = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Books:
    """The rows of the five tables and of the ledger. `dead_letters`: how many messages a queue holds, None if unknown.

    Scans are no snapshot: rows of one order may be read at different moments. So `began` is when the reading began, and
    `moved_since` are the inventory's rows that had changed since then once all was read: with them one can tell what was read
    as it was at that one moment. (Every other row has its own `updated_at`; only a SKU's counters move without one.)
    """

    order: list[Row] = field(default_factory=list)
    payment: list[Row] = field(default_factory=list)
    inventory: list[Row] = field(default_factory=list)
    shipping: list[Row] = field(default_factory=list)
    notification: list[Row] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)
    dead_letters: dict[str, int | None] = field(default_factory=dict)
    began: str = "9999"
    moved_since: list[Row] = field(default_factory=list)

    def table(self, name: str) -> list[Row]:
        """The rows of one of `TABLES`."""
        rows: list[Row] = getattr(self, name)
        return rows


def read_books(client: Any, table_names: Mapping[str, str], dead_letters: Mapping[str, int | None] | None = None) -> Books:
    """Scan the tables, named by `TABLES`, all at once and consistently."""
    began = clock.rfc3339(clock.now() - SKEW)
    with ThreadPoolExecutor(len(TABLES)) as pool:
        scanned = list(pool.map(lambda name: list(_rows(client, table_names[name])), TABLES))
    moved = {"FilterExpression": "updated_at >= :began", "ExpressionAttributeValues": marshal({":began": began})}
    return Books(
        **dict(zip(TABLES, scanned, strict=True)),
        dead_letters=dict(dead_letters or {}),
        began=began,
        moved_since=list(_rows(client, table_names["inventory"], **moved)),
    )


def _rows(client: Any, table_name: str, **only: Any) -> Iterator[Row]:
    for page in client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True, **only):
        for item in page["Items"]:
            yield {name: _plain(_deserialize(part)) for name, part in item.items()}


def _plain(value: Any) -> Any:
    """As the kernel reads a row, but that a number that is not whole stays one, for the audit to find."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value
