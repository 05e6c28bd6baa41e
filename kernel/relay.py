"""The relay: from a row's outbox to the bus, fed by the table's stream.

A row whose events it cannot publish is parked: it enters the sparse index `pending`, and the sweeper publishes them. A record
that the stream lost parks nothing. So the sweeper also reads the whole table, a slice a minute.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Required, TypedDict, cast

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from kernel import clock, index_shards, logs, outbox_text, versions
from kernel.aggregate_store import IndexEntry, each_shard, is_condition_failure, marshal, unmarshal
from kernel.batches import BatchResponse, StreamRecord
from kernel.clients import AwsClient
from kernel.errors import RetryableError
from kernel.events import PendingEvent, published, span_in
from kernel.identifiers import order_id_in
from kernel.index_shards import ALL, Share
from kernel.logs import logger
from kernel.measures import Measure, Metric
from kernel.metrics import emit
from kernel.naming import PENDING_INDEX
from kernel.table_pass import WHOLE, Found, OpenRows, Slice, look_through
from kernel.timeouts import REPUBLISH_SECONDS
from kernel.workers import Tally, work_on

MAX_ENTRIES = 10
"""PutEvents takes at most ten entries a call."""
PUT_ATTEMPTS = 3
CLEAR_TRIES: Final = 3
"""How often the relay takes published events out of a row that others write to."""
LOGGED: Final = ("event_id", "order_id", "correlation_id", "causation_id")
"""The fields of an event's metadata that its lines in the log have."""
OUTBOX_LAG: Final = Metric(
    "OutboxLag", "Seconds", "the age of the oldest event that a sweeper found in an outbox; none if the relays publish in time"
)
OF_CAUSE: Final = ("order_id", "correlation_id", "trace_id", "causation_id")
"""The ids that the events of one cause share."""
PER_SHARD: Final = 1000
"""How many rows of a shard one sweep republishes; the rest are the next sweep's."""
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


class RelayedRow(TypedDict, total=False):
    """The attributes of any row that its relay reads. An event is pending since `pending_since`, in RFC 3339 (UTC)."""

    pk: Required[str]
    pending: list[str]
    pending_since: str
    updated_at: str


Entry = Mapping[str, str]
"""An entry of PutEvents."""


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
    built: dict[str, Entry] = {}
    unpublishable: set[str] = set()
    for text in dict.fromkeys(texts):
        try:
            versions_of_event = {each: _entry(outbox.bus_name, each) for each in _as_published(text, outbox.older_versions)}
        except Exception:  # the boundary of an event: one that this code cannot build harms no other event
            logger.exception("event not built", event_start=str(text)[:80])
            unpublishable.add(text)
        else:
            entries[text] = list(versions_of_event)
            built |= versions_of_event
    waiting = [entry for published in entries.values() for entry in published]
    accepted: set[str] = set()
    invalid: set[str] = set()
    for _ in range(PUT_ATTEMPTS):
        refused: list[str] = []
        for start in range(0, len(waiting), MAX_ENTRIES):
            chunk = waiting[start : start + MAX_ENTRIES]
            for text, code in zip(chunk, _put(outbox, [built[text] for text in chunk]), strict=True):
                if code is None:
                    accepted.add(text)
                    continue
                logger.warning("event refused by the bus", error=code, extra=ids_of(text))
                (invalid.add if code in NEVER_ACCEPTED else refused.append)(text)
        waiting = refused
        if not waiting:
            break
    _log(newest for newest, *_ in entries.values() if newest in accepted)
    unpublishable |= {text for text, published in entries.items() if not invalid.isdisjoint(published)}
    return Published({text for text, published in entries.items() if accepted.issuperset(published)}, unpublishable)


def _log(texts: Iterable[str]) -> None:
    """Log the published events, those of one cause in one line."""
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for text in texts:
        ids = ids_of(text)
        of_cause = tuple(ids.get(name, "") for name in OF_CAUSE)
        lines.setdefault(of_cause, {})[ids["event_id"]] = ids["event"]
    for of_cause, events in lines.items():
        given = {name: value for name, value in zip(OF_CAUSE, of_cause, strict=True) if value}
        logger.info("events published", extra={**given, "events": events})


def _put(outbox: Outbox, chunk: Sequence[Entry]) -> list[str | None]:
    """Put at most ten entries; return the error code of each, None where it was accepted."""
    try:
        answer = outbox.events.put_events(Entries=chunk)
    except ParamValidationError:
        return _put_alone(outbox, chunk)
    except ClientError as error:
        if error.response["Error"]["Code"] != INVALID_CALL:
            raise BusUnavailableError(f"PutEvents failed: {error.response['Error']['Code']}") from error
        return _put_alone(outbox, chunk)
    except BotoCoreError as error:
        raise BusUnavailableError(f"PutEvents failed: {type(error).__name__}") from error
    results: list[PutResult] = answer["Entries"]
    return [result.get("ErrorCode") or (None if result.get("EventId") else "NoEventId") for result in results]


def _put_alone(outbox: Outbox, chunk: Sequence[Entry]) -> list[str | None]:
    """Put each entry of a call alone, because one entry spoils a call: botocore refuses it, or EventBridge does."""
    if len(chunk) == 1:
        return [INVALID_CALL]
    return [code for entry in chunk for code in _put(outbox, [entry])]


def clear(outbox: Outbox, pk: str, pending: list[str], left: Sequence[str] = ()) -> bool:
    """Take what was published out of a row's outbox; False if a transaction holds the row just now, so try again.

    `pending` is what the row held, `left` what stays: then the row is parked behind the others. Events that have joined since
    stay too, for their own record.
    """
    published, parks = set(pending).difference(left), bool(left)
    for _ in range(CLEAR_TRIES):
        try:
            _replace(outbox, pk, pending, left, parks=parks)
        except ClientError as error:
            if error.response["Error"]["Code"] == "TransactionConflictException":
                return False
            if not is_condition_failure(error):
                raise
            pending = unmarshal(error.response.get("Item", {})).get("pending", [])
            left = [text for text in pending if text not in published]
            if left == pending:
                return True
        else:
            return True
    return True


def _replace(outbox: Outbox, pk: str, pending: list[str], left: Sequence[str], *, parks: bool) -> None:
    """Write `left` in place of `pending`, and park the row behind the others if it `parks`."""
    expression, values = "REMOVE pending, pending_since, pending_shard", {}
    if left:
        expression, values = "SET pending = :left, pending_since = :now", {":left": list(left), ":now": _now()}
    if parks:
        expression, values = f"{expression}, pending_shard = :shard", {**values, ":shard": index_shards.shard_of(pk)}
    outbox.dynamodb.update_item(
        TableName=outbox.table_name,
        Key=marshal({"pk": pk}),
        UpdateExpression=expression,
        ConditionExpression="pending = :published",
        ExpressionAttributeValues=marshal({":published": pending, **values}),
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )


def park(outbox: Outbox, pk: str) -> None:
    """Put a row with pending events into the index in which the sweeper finds it."""
    try:
        outbox.dynamodb.update_item(
            TableName=outbox.table_name,
            Key=marshal({"pk": pk}),
            UpdateExpression="SET pending_shard = :shard",
            ConditionExpression="attribute_exists(pending) AND attribute_not_exists(pending_shard)",
            ExpressionAttributeValues=marshal({":shard": index_shards.shard_of(pk)}),
        )
    except ClientError as error:
        if not is_condition_failure(error):
            raise


def relay_records(outbox: Outbox, records: list[StreamRecord]) -> Relayed:
    """Publish what a batch of stream records has pending. Raises BusUnavailableError.

    Only the last record of a row counts: an event that is not in its outbox was accepted before. So each row is cleared once.
    An image may show events that an earlier batch published: then the row itself says what is still pending.
    A stream retries from the first failed record on, so what follows it may be published twice, which consumers dedupe.
    A row whose events were not accepted is parked, so that the sweeper finds it if the stream gives up. The record of an event
    that no repetition publishes is then done, since it would hold up its shard.
    """
    last: dict[str, tuple[str, RelayedRow]] = {}
    first: dict[str, RelayedRow] = {}
    for record in records:
        row = cast(RelayedRow, unmarshal(record["dynamodb"].get("NewImage", {})))
        if row.get("pending"):
            last[row["pk"]] = (record["dynamodb"]["SequenceNumber"], row)
            first.setdefault(row["pk"], row)
    for pk, (number, row) in last.items():
        if not _shows_first(first[pk], row):
            with logs.about(order_id=order_id_in(pk)):
                last[pk] = number, _as_it_is(outbox, row)
    try:
        published = publish(outbox, (text for _, row in last.values() for text in row["pending"]))
    except BusUnavailableError:
        for pk in last:
            with logs.about(order_id=order_id_in(pk)):
                _park_if_possible(outbox, pk)
        raise
    failed = list[str]()
    for number, row in last.values():
        with logs.about(order_id=order_id_in(row["pk"])):
            if not _is_relayed(outbox, row, published):
                failed.append(number)
    return Relayed(failed, len(published.unpublishable))


def _shows_first(first: RelayedRow, last: RelayedRow) -> bool:
    """Return whether no batch before this one showed the pending events, by a row's first and last record in it.

    They are pending since the first record at the earliest. A write that is no step of the row leaves `updated_at` as it was.
    """
    if "updated_at" not in first or not {"pending_since", "updated_at"} <= last.keys():
        return False
    return first["updated_at"] <= last["pending_since"] <= last["updated_at"]


def _as_it_is(outbox: Outbox, row: RelayedRow) -> RelayedRow:
    """Return the row with what is pending now, or as its record shows it if it cannot be read."""
    try:
        return {**row, "pending": _pending_of(outbox, row["pk"])}
    except (BotoCoreError, ClientError) as error:
        logger.warning("row not read", row=row["pk"], error=type(error).__name__)
        return row


def _is_relayed(outbox: Outbox, row: RelayedRow, published: Published) -> bool:
    """Clear the row's outbox, or park the row; return whether its record is done."""
    if not row["pending"]:
        return True
    left = published.left_of(row["pending"])
    done = published.unpublishable.issuperset(left)
    try:
        if done and left != row["pending"]:
            return clear(outbox, row["pk"], row["pending"], left)
        park(outbox, row["pk"])
    except (BotoCoreError, ClientError):  # the boundary of a row: the others of the batch are done
        logger.exception("outbox not cleared", row=row["pk"])
        return False
    return done


def _park_if_possible(outbox: Outbox, pk: str) -> None:
    try:
        park(outbox, pk)
    except (BotoCoreError, ClientError) as error:
        logger.warning("row not parked", row=pk, error=type(error).__name__)


def republish(
    outbox: Outbox,
    older_than: timedelta,
    part: Slice = WHOLE,
    limit: int = PER_SHARD,
    *,
    at_once: int = 1,
    share: Share = ALL,
    opened: OpenRows | None = None,
) -> Republished:
    """Publish events pending for longer than `older_than`: of the rows that are parked, and of the slice `part` of all rows.

    The rows of the slice that are left open, as `opened` says, become due.
    `at_once` rows are published at a time, and none is begun after REPUBLISH_SECONDS.
    A row that fails, or has an event that cannot be published, is parked behind the others and stops none of them. Raises
    BusUnavailableError. An error of a query or a scan is raised when all other rows are done.
    """
    done = Tally()
    lags: list[int] = []
    begun = clock.now()

    def begin(pk: str) -> None:
        if clock.now() < begun + timedelta(seconds=REPUBLISH_SECONDS):
            with logs.about(order_id=order_id_in(pk)):
                step(pk)

    def step(pk: str) -> None:
        try:
            pending = _pending_of(outbox, pk)
            lags.extend(_ages(pending[:1]))
            published, left = _republish_row(outbox, pk, pending)
        except BusUnavailableError:
            _put_last(outbox, pk)  # whatever it was, another row is the first to meet the bus next time
            raise
        except Exception:  # the boundary of a row
            logger.exception("row not republished", row=pk)
            _put_last(outbox, pk)
            done.add("rows left")
        else:
            done.add("events", published)
            done.add("rows left", left > 0)

    before = begun - older_than
    passed = look_through(outbox.dynamodb, outbox.table_name, part, before, opened)
    try:
        work_on(_stale_rows(outbox, clock.rfc3339(before), passed, limit, share), begin, at_once)
    finally:
        emit(Measure(OUTBOX_LAG, lag) for lag in sorted(lags)[-1:])
    return Republished(done.counts["events"], done.counts["rows left"])


def _ages(texts: Iterable[str]) -> Iterator[int]:
    """Yield how many seconds ago each of these pending events occurred, except damaged texts: `publish` reports those."""
    for text in texts:
        with suppress(Exception):  # a damaged text may be anything
            event: PendingEvent = json.loads(outbox_text.unpack(text))
            occurred = clock.from_rfc3339(event["detail"]["metadata"]["occurred_at"])
            yield (clock.now() - occurred) // timedelta(seconds=1)


def _republish_row(outbox: Outbox, pk: str, pending: list[str]) -> tuple[int, int]:
    """Publish a row's events; return how many were accepted, and how many were not."""
    if not pending:
        return 0, 0
    left = publish(outbox, pending).left_of(pending)
    clear(outbox, pk, pending, left)
    return len(pending) - len(left), len(left)


def _pending_of(outbox: Outbox, pk: str) -> list[str]:
    """Return the texts in the outbox of a row, read consistently."""
    found = outbox.dynamodb.get_item(TableName=outbox.table_name, Key=marshal({"pk": pk}), ConsistentRead=True)
    pending: list[str] = unmarshal(found.get("Item", {})).get("pending", [])
    return pending


def _put_last(outbox: Outbox, pk: str) -> None:
    """Park a row with pending events behind all others, if that can be written."""
    try:
        outbox.dynamodb.update_item(
            TableName=outbox.table_name,
            Key=marshal({"pk": pk}),
            UpdateExpression="SET pending_since = :now, pending_shard = :shard",
            ConditionExpression="attribute_exists(pending_since)",
            ExpressionAttributeValues=marshal({":now": _now(), ":shard": index_shards.shard_of(pk)}),
        )
    except (BotoCoreError, ClientError) as error:
        logger.warning("row not postponed", row=pk, error=type(error).__name__)


def _stale_rows(outbox: Outbox, before: str, passed: Found, limit: int, share: Share) -> Iterator[str]:
    """Yield the keys of rows that hold events pending since before then: first the parked rows, then those of the slice."""
    failure = passed.failure
    try:
        yield from _parked_rows(outbox, before, limit, share)
    except (BotoCoreError, ClientError) as fault:  # the boundary of a way to find rows
        failure = fault
    yield from passed.forgotten
    if failure:
        raise failure


def _parked_rows(outbox: Outbox, before: str, limit: int, share: Share) -> Iterator[str]:
    """Yield the keys of parked rows that hold events pending since before then, at most `limit` of each shard of the share."""

    def of_shard(shard: str) -> list[IndexEntry]:
        found: list[IndexEntry] = outbox.dynamodb.query(
            TableName=outbox.table_name,
            IndexName=PENDING_INDEX,
            KeyConditionExpression="pending_shard = :shard AND pending_since <= :before",
            ExpressionAttributeValues=marshal({":shard": shard, ":before": before}),
            Limit=limit,
        )["Items"]
        return found

    for item in each_shard(index_shards.read_at(clock.now(), share), of_shard):
        yield item["pk"]["S"]


def _now() -> str:
    return clock.rfc3339(clock.now())


def _as_published(text: str, declared: frozenset[str]) -> list[str]:
    """Return the JSON texts of the event and of its older versions that are still published."""
    newest = outbox_text.unpack(text)
    event: PendingEvent = json.loads(newest)
    older = versions.also_published(event["source"], event["detail-type"], event["detail"], clock.now().date(), declared)
    return [newest, *(json.dumps({**event, "detail": detail}, separators=(",", ":"), sort_keys=True) for detail in older)]


def _entry(bus_name: str, text: str) -> Entry:
    event: PendingEvent = json.loads(text)
    return {
        "EventBusName": bus_name,
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(published(event["detail"]), separators=(",", ":")),
        "TraceHeader": span_in(event["detail"]).xray_header,
    }


def ids_of(text: str) -> dict[str, str]:
    """Return the ids of a pending event for the log."""
    event: PendingEvent = json.loads(text)
    metadata: Mapping[str, object] = published(event["detail"])["metadata"]
    ids = {name: str(metadata[name]) for name in LOGGED if name in metadata}
    return {"event": event["detail-type"], **ids, "trace_id": span_in(event["detail"]).trace_id}
