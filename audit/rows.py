"""The rows of a stage's tables, read by page or by key, as plain data."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from typing import Any, cast

from boto3.dynamodb.types import TypeDeserializer

from audit.row_forms import StoredRow
from audit.tables import AT_ONCE, LEDGER
from kernel.aggregate_store import AttributeValue, marshal
from kernel.batch_reads import MOST_KEYS
from kernel.clients import AwsClient

_deserialize = TypeDeserializer().deserialize
Key = tuple[str, str]
"""A table's name, one of `TABLES`, and the `pk` of a row in it."""
StartKey = Mapping[str, AttributeValue]
"""The key of the last row of a page, in DynamoDB's wire form."""


@dataclass(frozen=True)
class Page:
    """Some rows of a table, the number of rows that were scanned for it, and the last key; None if it is the last page."""

    rows: list[StoredRow]
    scanned: int
    last: StartKey | None


class StageRows:
    """The rows of a stage. `tables` are the names of its tables, by `TABLES`. A few requests run at a time.

    `units` are the read units that DynamoDB has billed for them.
    """

    def __init__(self, client: AwsClient, tables: Mapping[str, str]) -> None:
        self._client = client
        self._tables = tables
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._counting = Lock()
        self.units = 0.0

    def page(
        self, table: str, start: StartKey | None, size: int | None, *, consistent: bool, prefixes: Sequence[str] = ()
    ) -> Page:
        """Scan at most `size` rows (None: 1 MB) of a table after the key `start`; with `prefixes`, return those with one."""
        request: dict[str, Any] = {"TableName": self._tables[table], "ConsistentRead": consistent}
        if size:
            request["Limit"] = size
        if start:
            request["ExclusiveStartKey"] = dict(start)
        if prefixes:
            values = {f":prefix{number}": prefix for number, prefix in enumerate(prefixes)}
            request["FilterExpression"] = " OR ".join(f"begins_with(pk, {name})" for name in values)
            request["ExpressionAttributeValues"] = marshal(values)
        answer = self._counted(self._client.scan(**request, ReturnConsumedCapacity="TOTAL"))
        return Page([read(item) for item in answer["Items"]], answer["ScannedCount"], answer.get("LastEvaluatedKey"))

    def at(self, keys: Iterable[Key], *, consistent: bool) -> list[tuple[str, StoredRow]]:
        """Return the existing rows at these keys, each with the name of its table. The keys are distinct."""
        return [(table, read(item)) for table, item in self._items(keys, {"ConsistentRead": consistent})]

    def existing(self, keys: Iterable[Key], *, consistent: bool) -> set[Key]:
        """Return those of the keys that have a row. The keys are distinct."""
        found = self._items(keys, {"ConsistentRead": consistent, "ProjectionExpression": "pk"})
        return {(table, item["pk"]["S"]) for table, item in found}

    def records(self, order_ids: Iterable[str], *, consistent: bool) -> list[StoredRow]:
        """Return the ledger's records of these orders."""
        return [record for part in self._pool.map(lambda pk: self._records(pk, consistent), order_ids) for record in part]

    def _items(self, keys: Iterable[Key], how: Mapping[str, object]) -> list[tuple[str, dict[str, Any]]]:
        by_table: dict[str, list[dict[str, Any]]] = {}
        for table, pk in keys:
            by_table.setdefault(table, []).append(marshal({"pk": pk}))
        parts = [
            (table, wanted[first : first + MOST_KEYS])
            for table, wanted in by_table.items()
            for first in range(0, len(wanted), MOST_KEYS)
        ]
        return [found for part in self._pool.map(lambda part: self._batch(part[0], part[1], how), parts) for found in part]

    def _batch(self, table: str, keys: list[dict[str, Any]], how: Mapping[str, object]) -> list[tuple[str, dict[str, Any]]]:
        """Return the items at these keys of one table, whose role's permissions depend on the keys."""
        name = self._tables[table]
        wanted: dict[str, Any] = {name: {"Keys": keys, **how}}
        found: list[tuple[str, dict[str, Any]]] = []
        while wanted:
            answer = self._counted(self._client.batch_get_item(RequestItems=wanted, ReturnConsumedCapacity="TOTAL"))
            found += [(table, item) for item in answer["Responses"].get(name, ())]
            wanted = answer.get("UnprocessedKeys", {})
        return found

    def _records(self, order_id: str, consistent: bool) -> list[StoredRow]:
        found: list[StoredRow] = []
        request: dict[str, Any] = {
            "TableName": self._tables[LEDGER],
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": marshal({":pk": order_id}),
            "ConsistentRead": consistent,
            "ReturnConsumedCapacity": "TOTAL",
        }
        while True:
            answer = self._counted(self._client.query(**request))
            found += map(read, answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _counted(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Add the answer's read units. ministack returns none."""
        consumed = answer.get("ConsumedCapacity", [])
        with self._counting:
            self.units += sum(part["CapacityUnits"] for part in (consumed if isinstance(consumed, list) else [consumed]))
        return answer


def all_of(client: AwsClient, table_name: str, **only: object) -> Iterator[StoredRow]:
    """Yield every row of a table, by a consistent scan."""
    for page in client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True, **only):
        yield from map(read, page["Items"])


def read(item: Mapping[str, object]) -> StoredRow:
    """Return a row from DynamoDB's wire form. Unlike the kernel's, it keeps a fraction as Decimal, for the audit to find."""
    return cast(StoredRow, {name: _plain(_deserialize(part)) for name, part in item.items()})


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value
