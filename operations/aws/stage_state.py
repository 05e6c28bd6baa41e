"""Look at the whole stage from outside: every row, every queue, whether anything still moves, whether anything changed."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Row, unmarshal
from kernel.naming import SERVICES
from operations.aws.target import Target
from operations.polling import wait_for

SETTLED = frozenset({"CONFIRMED", "CANCELLED"})
AT_REST = SETTLED | {"BACKORDERED"}
"""Statuses in which nothing more comes by itself: a back-order waits for goods."""
TABLES = (*(f"{service}/table-name" for service in SERVICES), "payment/ledger-table-name")
"""The parameters that name the stage's tables."""


def rows(target: Target, parameter: str) -> list[Row]:
    """Return the rows of the table that `parameter` names, by key. Reads the whole table."""
    pages = target.client("dynamodb").get_paginator("scan").paginate(TableName=target.parameter(parameter), ConsistentRead=True)
    found = [unmarshal(item) for page in pages for item in page["Items"]]
    return sorted(found, key=lambda row: (row["pk"], row.get("sk", "")))


def all_rows(target: Target) -> dict[str, list[Row]]:
    """Return the rows of all tables, by the table's parameter, without the sweeper's due marker on SKUs."""
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(TABLES, pool.map(lambda parameter: _lasting(rows(target, parameter)), TABLES), strict=True))


def _lasting(found: list[Row]) -> list[Row]:
    return [
        {name: value for name, value in row.items() if name not in DUE_INDEX_ATTRIBUTES}
        if row["pk"].startswith("SKU#")
        else row
        for row in found
    ]


def fingerprint(found: dict[str, list[Row]]) -> str:
    """Return a hash over rows. A replay must not change it."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


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
    """Return everything in flight: orders not at rest, rows with pending events, queues with messages."""
    found = all_rows(target)
    orders = [row for row in found["order/table-name"] if row["pk"].startswith("ORDER#")]
    open_orders = [row["pk"] for row in orders if row["status"] not in AT_REST]
    pending = [row["pk"] for table in found.values() for row in table if row.get("pending")]
    queues = [name for name, depth in depths(target, "-queue-url").items() if depth]
    return [*open_orders, *pending, *queues]


def wait_until_idle(target: Target, deadline_seconds: float) -> list[str]:
    """Wait until nothing is in flight, or until the deadline. Return everything that is still in flight then."""
    return wait_for(lambda: in_flight(target), lambda left: not left, deadline_seconds)
