"""The relay: from a row's outbox to the bus. Fed by the table's stream; what the stream lost, by the sweeper."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from services.kernel import clock, versions
from services.kernel.names import PENDING_INDEX
from services.kernel.rows import PENDING_SHARDS, Row, is_condition_failure, marshal, unmarshal

logger = Logger()
MAX_ENTRIES = 10
"""PutEvents takes at most ten entries a call."""
PUT_ATTEMPTS = 3


@dataclass(frozen=True)
class Outbox:
    """The table whose rows hold the pending events, and the bus they go to."""

    dynamodb: Any
    events: Any
    table_name: str
    bus_name: str


def publish(outbox: Outbox, texts: Iterable[str]) -> set[str]:
    """Put the pending events `texts` on the bus, each with the older versions that are published beside it; those it accepted.

    PutEvents answers 200 with `FailedEntryCount` > 0: the failed entries alone are put again, `PUT_ATTEMPTS` times in all.
    """
    entries = {text: _as_published(text) for text in dict.fromkeys(texts)}
    waiting = [entry for published in entries.values() for entry in published]
    accepted: set[str] = set()
    for _ in range(PUT_ATTEMPTS):
        refused: list[str] = []
        for start in range(0, len(waiting), MAX_ENTRIES):
            chunk = waiting[start : start + MAX_ENTRIES]
            answer = outbox.events.put_events(Entries=[_entry(outbox.bus_name, text) for text in chunk])
            for text, result in zip(chunk, answer["Entries"], strict=True):
                if result.get("EventId") and not result.get("ErrorCode"):
                    accepted.add(text)
                else:
                    refused.append(text)
                    logger.warning("the bus refused an event", event_id=_event_id(text), error=result.get("ErrorCode"))
        waiting = refused
        if not waiting:
            break
    return {text for text, published in entries.items() if accepted.issuperset(published)}


def clear(outbox: Outbox, pk: str, pending: list[str]) -> bool:
    """Empty a row's outbox of what was published; False if a transaction holds the row just now, so try again.

    Where another event has joined since, nothing is cleared: that event's own record clears both.
    """
    try:
        outbox.dynamodb.update_item(
            TableName=outbox.table_name,
            Key=marshal({"pk": pk}),
            UpdateExpression="REMOVE pending, pending_since, pending_shard",
            ConditionExpression="pending = :published",
            ExpressionAttributeValues=marshal({":published": pending}),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "TransactionConflictException":
            return False
        if not is_condition_failure(error):
            raise
    return True


def relay_records(outbox: Outbox, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Publish what a batch of stream records has pending; the answer is Lambda's partial batch response.

    A stream retries from the first failed record on, so what follows it may be published twice, which consumers dedupe.
    """
    rows = [(record, unmarshal(record["dynamodb"].get("NewImage", {}))) for record in records]
    accepted = publish(outbox, (text for _, row in rows for text in row.get("pending", ())))
    failures = []
    for record, row in rows:
        pending = row.get("pending", [])
        if pending and not (accepted.issuperset(pending) and clear(outbox, row["pk"], pending)):
            failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    return {"batchItemFailures": failures}


def republish(outbox: Outbox, older_than: timedelta, limit: int = 500) -> int:
    """Publish events pending for longer than `older_than` (the relay was down, or dropped them); how many were accepted."""
    published = 0
    for row in _left_behind(outbox, older_than, limit):
        pending = row.get("pending", [])
        if not pending:
            continue
        accepted = publish(outbox, pending)
        published += len(accepted)
        if accepted.issuperset(pending):
            clear(outbox, row["pk"], pending)
    return published


def _left_behind(outbox: Outbox, older_than: timedelta, limit: int) -> Iterable[Row]:
    before = clock.rfc3339(clock.now() - older_than)
    for shard in range(PENDING_SHARDS):
        answer = outbox.dynamodb.query(
            TableName=outbox.table_name,
            IndexName=PENDING_INDEX,
            KeyConditionExpression="pending_shard = :shard AND pending_since <= :before",
            ExpressionAttributeValues=marshal({":shard": str(shard), ":before": before}),
            Limit=limit,
        )
        for key in answer["Items"]:
            found = outbox.dynamodb.get_item(TableName=outbox.table_name, Key={"pk": key["pk"]}, ConsistentRead=True)
            if "Item" in found:
                yield unmarshal(found["Item"])


def _as_published(text: str) -> list[str]:
    """The event, and its older versions that are still published."""
    event = json.loads(text)
    older = versions.also_published(event["source"], event["detail-type"], event["detail"], clock.now().date())
    return [text, *(json.dumps({**event, "detail": detail}, separators=(",", ":"), sort_keys=True) for detail in older)]


def _entry(bus_name: str, text: str) -> dict[str, str]:
    event = json.loads(text)
    return {
        "EventBusName": bus_name,
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"], separators=(",", ":")),
    }


def _event_id(text: str) -> str:
    return str(json.loads(text)["detail"]["metadata"]["event_id"])
