"""Answers of the in-memory DynamoDB and of another implementation, made comparable."""

import json
from collections.abc import Mapping
from typing import Any, cast

from simulation.engine.dynamodb import DynamoDB, RefusalError
from simulation.engine.expressions import AttributeValue, equal


def ours() -> DynamoDB:
    """Return the tables of random_requests.py, in memory."""
    store = DynamoDB()
    store.create("rows", indexes={"pending": ("pending_shard", "pending_since"), "due": ("due_shard", "next_due")})
    store.create("ledger", range_key="sk")
    return store


def answer(store: DynamoDB, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
    """Return our answer in the form of an HTTP one: `status` and `body`."""
    try:
        return {"status": 200, "body": store.call(operation, request)}
    except RefusalError as refusal:
        return {"status": 400, "body": {"__type": refusal.code, **refusal.extra}}


def compared(operation: str, answered: dict[str, Any]) -> Any:
    """Return the part of an answer that callers can act on, in one form."""
    body = answered["body"]
    if answered["status"] != 200:
        reasons = [(reason["Code"], reason.get("Item")) for reason in body.get("CancellationReasons", ())]
        return str(body["__type"]).rpartition("#")[2], body.get("Item"), reasons
    if operation == "Scan":
        return sorted(body["Items"], key=lambda item: json.dumps(item, sort_keys=True)), body["Count"]
    if operation == "BatchGetItem":
        found = {table: sorted(items, key=lambda item: item["pk"]["S"]) for table, items in body["Responses"].items()}
        return found, body.get("UnprocessedKeys", {})
    return {name: value for name, value in body.items() if name not in ("ConsumedCapacity", "ScannedCount")}


def same(left: object, right: object) -> bool:
    """Return whether two compared answers agree; numbers and sets by value."""
    if isinstance(left, dict) and isinstance(right, dict):
        if len(left) == 1 and left.keys() == right.keys() and next(iter(left)) in ("N", "SS", "NS", "BS"):
            return equal(cast(AttributeValue, left), cast(AttributeValue, right))
        return left.keys() == right.keys() and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
