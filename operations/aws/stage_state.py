"""Look at the whole stage from outside: every row, every queue, whether anything still moves, whether anything changed."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NotRequired, TypedDict, cast

from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, unmarshal
from kernel.naming import SERVICES
from operations.aws.target import Target
from operations.polling import wait_for

SETTLED = frozenset({"CONFIRMED", "CANCELLED"})
AT_REST = SETTLED | {"BACKORDERED"}
"""Statuses in which nothing more comes by itself: a back-order waits for goods."""


class TableRow(TypedDict):
    """A row of any table, with the attributes that say whether it moves."""

    pk: str
    sk: NotRequired[str]
    status: NotRequired[str]
    pending: NotRequired[list[str]]


def tables(target: Target) -> list[str]:
    """Return the parameters that name the tables of the stage's services."""
    return [name for name in parameters(target, "table-name") if name.partition("/")[0] in SERVICES]


def rows(target: Target, parameter: str, *prefixes: str) -> Iterator[TableRow]:
    """Yield the rows of the table that `parameter` names, by a consistent scan, one page at a time.

    With `prefixes`, only those whose key starts with one of them.
    """
    scan = target.client("dynamodb").get_paginator("scan")
    for page in scan.paginate(TableName=target.parameter(parameter), ConsistentRead=True):
        yield from (cast(TableRow, unmarshal(item)) for item in page["Items"] if item["pk"]["S"].startswith(prefixes or ""))


def all_rows(target: Target) -> dict[str, list[TableRow]]:
    """Return the rows of all tables, by the table's parameter and by key, without the sweeper's due marker on SKUs."""
    found = tables(target)
    with ThreadPoolExecutor(len(found)) as pool:
        return dict(zip(found, pool.map(lambda table: sorted(_lasting(target, table), key=_key), found), strict=True))


def _key(row: TableRow) -> tuple[str, str]:
    return row["pk"], row.get("sk", "")


def _lasting(target: Target, table: str) -> Iterator[TableRow]:
    for row in rows(target, table):
        if row["pk"].startswith("SKU#"):
            yield cast(TableRow, {name: value for name, value in row.items() if name not in DUE_INDEX_ATTRIBUTES})
        else:
            yield row


def fingerprint(target: Target) -> str:
    """Return a hash over the rows of all tables, in whatever order they are read. A replay must not change it."""
    found = tables(target)
    with ThreadPoolExecutor(len(found)) as pool:
        return f"{sum(pool.map(lambda table: _sum_of_digests(table, _lasting(target, table)), found)):x}"


def _sum_of_digests(table: str, found: Iterable[TableRow]) -> int:
    return sum(_digest(table, row) for row in found)


def _digest(table: str, row: TableRow) -> int:
    return int(hashlib.sha256(json.dumps([table, row], sort_keys=True).encode()).hexdigest(), 16)


def parameters(target: Target, ending: str) -> dict[str, str]:
    """Return the stage's parameters with this ending, without `/orderflow/<stage>/`."""
    root = f"/orderflow/{target.stage}/"
    pages = target.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=root, Recursive=True)
    found = {p["Name"].removeprefix(root): p["Value"] for page in pages for p in page["Parameters"]}
    return {name: value for name, value in sorted(found.items()) if name.endswith(ending)}


def depths(target: Target, ending: str) -> dict[str, int]:
    """Return the number of messages of each queue, visible or not, by parameter name: `-queue-url`, `-dlq-url`."""
    return {name: depth(target, url) for name, url in parameters(target, ending).items()}


def depth(target: Target, url: str) -> int:
    """Return the number of messages of a queue, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = target.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def in_flight(target: Target) -> list[str]:
    """Return everything in flight: orders not at rest, rows with pending events, queues with messages.

    Tables and queues are read one after another, and an event can move from one not yet read to one already read.
    So nothing is in flight only if a second look sees nothing either, and the same rows.
    """
    moving, seen = _look(target)
    if moving:
        return moving
    moving, seen_again = _look(target)
    return moving or ([] if seen_again == seen else ["rows that changed between two looks"])


def _look(target: Target) -> tuple[list[str], int]:
    """Return what each table and queue shows in flight at its own moment, and a hash over the rows."""
    moving, seen = [], 0
    for table in tables(target):
        for row in _lasting(target, table):
            seen += _digest(table, row)
            if _moves(row):
                moving.append(row["pk"])
    return [*moving, *(name for name, depth in depths(target, "-queue-url").items() if depth)], seen


def _moves(row: TableRow) -> bool:
    return bool(row.get("pending")) or (row["pk"].startswith("ORDER#") and row["status"] not in AT_REST)


def wait_until_idle(target: Target, deadline_seconds: float) -> list[str]:
    """Wait until nothing is in flight, or until the deadline. Return everything that is still in flight then."""
    return wait_for(lambda: in_flight(target), lambda left: not left, deadline_seconds, target.clock)
