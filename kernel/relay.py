"""The relay: from a row's outbox to the bus. Fed by the table's stream; what the stream lost, by the sweeper."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypedDict

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from kernel import clock, index_shards, versions
from kernel.aggregate_store import Item, Row, each_shard, is_condition_failure, marshal, unmarshal
from kernel.batches import BatchResponse, StreamRecord
from kernel.clients import AwsClient
from kernel.errors import RetryableError
from kernel.naming import PENDING_INDEX

logger = Logger()
MAX_ENTRIES = 10
"""PutEvents takes at most ten entries a call."""
PUT_ATTEMPTS = 3
INVALID_CALL: Final = "ValidationException"
NEVER_ACCEPTED: Final = frozenset(
    {
        INVALID_CALL,
        "AccessDeniedException",
        "InvalidAccountIdException",
        "InvalidArgument",
        "MalformedDetail",
        "NotAuthorizedForDetailTypeException",
        "NotAuthorizedForSourceException",
        "RedactionFailure",
    }
)
"""The codes of entries that are not worth putting again as they are
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsResultEntry.html)."""


class BusUnavailableError(RetryableError):
    """PutEvents failed for all events. The bus may accept the same events again."""


class PutResult(TypedDict, total=False):
    """The result of one entry of PutEvents: its envelope's id, or the code of its error."""

    EventId: str
    ErrorCode: str


@dataclass(frozen=True)
class Outbox:
    """The table whose rows hold the pending events, the bus they go to, and the older versions that go beside them."""

    dynamodb: AwsClient
    events: AwsClient
    table_name: str
    bus_name: str
    older_versions: frozenset[str] = frozenset()
    """The versions that a consumer still reads: `OrderCancelled.v1`."""


@dataclass(frozen=True)
class Published:
    """The fate of pending events, by their texts. An event in neither set was refused for now."""

    accepted: set[str]
    unpublishable: set[str]
    """Events that no repetition publishes: their older versions cannot be built, or the bus calls them invalid."""

    def left_of(self, pending: Iterable[str]) -> list[str]:
        """Return the events that stay in the row."""
        return [text for text in pending if text not in self.accepted]


@dataclass(frozen=True)
class Relayed:
    """The records that must come again, by their sequence numbers, and how many events no repetition publishes."""

    failed: list[str]
    unpublishable: int

    def response(self) -> BatchResponse:
        """Return Lambda's partial batch response."""
        return {"batchItemFailures": [{"itemIdentifier": number} for number in self.failed]}


@dataclass(frozen=True)
class Republished:
    """How many events were accepted, and how many rows still hold one that was not."""

    events: int
    rows_left: int


def publish(outbox: Outbox, texts: Iterable[str]) -> Published:
    """Put the pending events `texts` on the bus, each with the older versions that are published beside it.

    PutEvents answers 200 with `FailedEntryCount` > 0: the failed entries alone are put again, `PUT_ATTEMPTS` times in all.
    Raises BusUnavailableError.
    """
    entries: dict[str, list[str]] = {}
    unpublishable: set[str] = set()
    for text in dict.fromkeys(texts):
        try:
            entries[text] = _as_published(text, outbox.older_versions)
        except Exception:  # the boundary of an event: a version that this code does not know harms no other event
            logger.exception("event not built", event_start=text[:80])
            unpublishable.add(text)
    waiting = [entry for published in entries.values() for entry in published]
    accepted: set[str] = set()
    invalid: set[str] = set()
    for _ in range(PUT_ATTEMPTS):
        refused: list[str] = []
        for start in range(0, len(waiting), MAX_ENTRIES):
            chunk = waiting[start : start + MAX_ENTRIES]
            for text, code in zip(chunk, _put(outbox, chunk), strict=True):
                if code is None:
                    accepted.add(text)
                    continue
                logger.warning("event refused by the bus", event_id=_event_id(text), error=code)
                (invalid.add if code in NEVER_ACCEPTED else refused.append)(text)
        waiting = refused
        if not waiting:
            break
    unpublishable |= {text for text, published in entries.items() if not invalid.isdisjoint(published)}
    return Published({text for text, published in entries.items() if accepted.issuperset(published)}, unpublishable)


def _put(outbox: Outbox, chunk: list[str]) -> list[str | None]:
    """Put at most ten entries; return the error code of each, None where it was accepted."""
    try:
        answer = outbox.events.put_events(Entries=[_entry(outbox.bus_name, text) for text in chunk])
    except ClientError as error:
        if error.response["Error"]["Code"] != INVALID_CALL:
            raise BusUnavailableError(f"PutEvents failed: {error.response['Error']['Code']}") from error
        if len(chunk) == 1:
            return [INVALID_CALL]
        return [code for text in chunk for code in _put(outbox, [text])]  # one entry spoils the call: put each alone
    except BotoCoreError as error:
        raise BusUnavailableError(f"PutEvents failed: {type(error).__name__}") from error
    results: list[PutResult] = answer["Entries"]
    return [result.get("ErrorCode") or (None if result.get("EventId") else "NoEventId") for result in results]


def clear(outbox: Outbox, pk: str, pending: list[str], left: Sequence[str] = ()) -> bool:
    """Take what was published out of a row's outbox; False if a transaction holds the row just now, so try again.

    `pending` is what the row held, `left` what stays, behind the other rows. Where another event has joined since, nothing is
    taken out: that event's own record clears both.
    """
    expression, values = "REMOVE pending, pending_since, pending_shard", {}
    if left:
        expression, values = "SET pending = :left, pending_since = :now", {":left": list(left), ":now": _now()}
    try:
        outbox.dynamodb.update_item(
            TableName=outbox.table_name,
            Key=marshal({"pk": pk}),
            UpdateExpression=expression,
            ConditionExpression="pending = :published",
            ExpressionAttributeValues=marshal({":published": pending, **values}),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "TransactionConflictException":
            return False
        if not is_condition_failure(error):
            raise
    return True


def relay_records(outbox: Outbox, records: list[StreamRecord]) -> Relayed:
    """Publish what a batch of stream records has pending. Raises BusUnavailableError.

    Only the last record of a row counts: an event that is not in its outbox was accepted before. So each row is cleared once.
    A stream retries from the first failed record on, so what follows it may be published twice, which consumers dedupe.
    The record of an event that no repetition publishes is done, since it would hold up its shard: the sweeper keeps the row.
    """
    last: dict[str, tuple[str, Row]] = {}
    for record in records:
        row = unmarshal(record["dynamodb"].get("NewImage", {}))
        if row.get("pending"):
            last[row["pk"]] = (record["dynamodb"]["SequenceNumber"], row)
    published = publish(outbox, (text for _, row in last.values() for text in row["pending"]))
    failed = [number for number, row in last.values() if not _is_relayed(outbox, row, published)]
    return Relayed(failed, len(published.unpublishable))


def _is_relayed(outbox: Outbox, row: Row, published: Published) -> bool:
    """Clear the row's outbox; return whether its record is done."""
    left = published.left_of(row["pending"])
    if not published.unpublishable.issuperset(left):
        return False
    try:
        return left == row["pending"] or clear(outbox, row["pk"], row["pending"], left)
    except (BotoCoreError, ClientError):  # the boundary of a row: the others of the batch are done
        logger.exception("outbox not cleared", row=row["pk"])
        return False


def republish(outbox: Outbox, older_than: timedelta, limit: int = 500) -> Republished:
    """Publish events pending for longer than `older_than`: the relay was down, or dropped them.

    A row that fails, or has an event that cannot be published, goes behind the others and stops none of them. Raises
    BusUnavailableError. An error of a query of the index is raised when the other shards are done.
    """
    events = rows_left = 0
    for pk in _stale_rows(outbox, clock.rfc3339(clock.now() - older_than), limit):
        try:
            published, left = _republish_row(outbox, pk)
        except BusUnavailableError:
            _put_last(outbox, pk)  # whatever it was, another row is the first to meet the bus next time
            raise
        except Exception:  # the boundary of a row
            logger.exception("row not republished", row=pk)
            _put_last(outbox, pk)
            rows_left += 1
        else:
            events += published
            rows_left += left > 0
    return Republished(events, rows_left)


def _republish_row(outbox: Outbox, pk: str) -> tuple[int, int]:
    """Publish a row's events; return how many were accepted, and how many were not."""
    found = outbox.dynamodb.get_item(TableName=outbox.table_name, Key=marshal({"pk": pk}), ConsistentRead=True)
    pending = unmarshal(found.get("Item", {})).get("pending", [])
    if not pending:
        return 0, 0
    left = publish(outbox, pending).left_of(pending)
    clear(outbox, pk, pending, left)
    return len(pending) - len(left), len(left)


def _put_last(outbox: Outbox, pk: str) -> None:
    """Let a row with pending events come up after all others, if that can be written."""
    try:
        outbox.dynamodb.update_item(
            TableName=outbox.table_name,
            Key=marshal({"pk": pk}),
            UpdateExpression="SET pending_since = :now",
            ConditionExpression="attribute_exists(pending_since)",
            ExpressionAttributeValues=marshal({":now": _now()}),
        )
    except (BotoCoreError, ClientError) as error:
        logger.warning("row not postponed", row=pk, error=type(error).__name__)


def _stale_rows(outbox: Outbox, before: str, limit: int) -> Iterator[str]:
    """Yield the keys of rows that hold events pending since before then, at most `limit` of a shard."""

    def of_shard(shard: str) -> list[Item]:
        found: list[Item] = outbox.dynamodb.query(
            TableName=outbox.table_name,
            IndexName=PENDING_INDEX,
            KeyConditionExpression="pending_shard = :shard AND pending_since <= :before",
            ExpressionAttributeValues=marshal({":shard": shard, ":before": before}),
            Limit=limit,
        )["Items"]
        return found

    for item in each_shard(index_shards.read_at(clock.now()), of_shard):
        yield item["pk"]["S"]


def _now() -> str:
    return clock.rfc3339(clock.now())


def _as_published(text: str, declared: frozenset[str]) -> list[str]:
    """Return the event, and its older versions that are still published."""
    event = json.loads(text)
    older = versions.also_published(event["source"], event["detail-type"], event["detail"], clock.now().date(), declared)
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
