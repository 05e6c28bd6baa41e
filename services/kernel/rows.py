"""Rows that move by transitions, each with its outbox inside.

A transition and the event it publishes are one conditional `UpdateItem`: the event waits in the row's `pending` list until the
relay has put it on the bus. A row that moves has these attributes: `pk`, `status`, `version` (+1 per transition),
`created_at`, `updated_at`; after some steps `said` (see `Transition.repeatable`); and, while something is pending, `pending`
(list of JSON texts), `pending_since` and `pending_shard` (together the key of the sparse index `pending`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from zlib import crc32

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from services.kernel import clock, schemas, versions
from services.kernel.errors import BugError, RetryableError
from services.kernel.events import DomainEvent
from services.kernel.names import DUE_INDEX
from services.kernel.transitions import ABSENT, Transition, TransitionTable

Row = dict[str, Any]
T = TypeVar("T")
PENDING_SHARDS: Final = 4
"""How many partitions the sparse indexes are spread over, so that none of them throttles its table."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class VersionConflictError(RetryableError):
    """The row was not what the change was decided on. `row` is what it is now, None if it is not there."""

    def __init__(self, row: Row | None) -> None:
        super().__init__("the row has changed")
        self.row = row


class ForbiddenTransitionError(BugError):
    """Code asked for a step that the transition table does not have: a bug, never an outcome."""


class ContentionError(RetryableError):
    """The row kept changing under the writer; the caller's retry will find it calmer."""


@dataclass(frozen=True)
class Causation:
    """What an event is caused by: the order's correlation id, and the event id or request id that led here."""

    correlation_id: str
    causation_id: str


@dataclass(frozen=True)
class Decision:
    """A decision: take `transition`, with the attributes it sets and removes, and the data of the event it publishes."""

    transition: Transition
    set: Mapping[str, Any] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    publishes: bool = True
    """False where this particular step has nothing to tell (a release that found nothing to release)."""
    heard: DomainEvent | None = None
    """The other service's event that the step is taken on, for the row's timeline."""


Decide = Callable[[Row | None], Decision | None]


def marshal(value: Mapping[str, Any]) -> dict[str, Any]:
    """A plain dict in DynamoDB's wire form."""
    return {name: _serialize(part) for name, part in value.items()}


def unmarshal(item: Mapping[str, Any]) -> Row:
    """A plain dict from DynamoDB's wire form. Our numbers are all integers."""
    return {name: _plain(_deserialize(part)) for name, part in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value


def shard_of(key: str) -> str:
    """The partition of a sparse index that the row `key` belongs to."""
    return str(crc32(key.encode()) % PENDING_SHARDS)


def due_at(key: str, moment: datetime, lane: str = "") -> Row:
    """The attributes that put the row `key` into the sparse index `due`, for a sweeper to find from `moment` on.

    A `lane` is a set of partitions of its own: a sweeper reads one lane at a time.
    """
    return {"due_shard": f"{lane}{shard_of(key)}", "next_due": clock.rfc3339(moment)}


def each_shard(items_of: Callable[[str], list[T]], age: Callable[[T], str] | None = None) -> Iterator[T]:
    """Yield the items of each shard of a sparse index; with `age`, those of all shards together, the least age first.

    Raises, at the end, what the first shard that failed raised.
    """
    failure: Exception | None = None
    waiting: list[T] = []
    for shard in range(PENDING_SHARDS):
        try:
            items = items_of(str(shard))
        except (BotoCoreError, ClientError) as fault:  # the boundary of a shard
            failure = failure or fault
            continue
        if age:
            waiting += items
        else:
            yield from items
    if age:
        yield from sorted(waiting, key=age)
    if failure:
        raise failure


DUE_INDEX_ATTRIBUTES: Final = ("due_shard", "next_due")
"""What a row loses when no sweeper need look at it any more."""


def is_condition_failure(error: ClientError) -> bool:
    """Whether a write was refused by its condition, which is an answer and not a fault."""
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


class KeyedStore:
    """The rows of a table whose keys are `<prefix>#<id>`, read by their ids, and found when they are due."""

    def __init__(self, client: Any, table_name: str, prefix: str) -> None:
        self.client = client
        self.table_name = table_name
        self.prefix = prefix

    def key(self, row_id: str) -> str:
        """`ORDER#<id>` for the id of an order."""
        return f"{self.prefix}#{row_id}"

    def get(self, row_id: str) -> Row | None:
        """The row as it durably is (a consistent read), or None."""
        answer = self.client.get_item(TableName=self.table_name, Key=marshal({"pk": self.key(row_id)}), ConsistentRead=True)
        return unmarshal(answer["Item"]) if "Item" in answer else None

    def due(self, now: datetime, limit: int, lane: str = "") -> Iterator[str]:
        """The ids of at most `limit` rows a shard whose time has come, of all shards the longest waiting first.

        The index runs behind the table: whoever acts on a row reads it first. A shard that cannot be read stops no other:
        what its query raises is raised at the end.
        """

        def of_shard(shard: str) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = self.client.query(
                TableName=self.table_name,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due_shard = :shard AND next_due <= :now",
                ExpressionAttributeValues=marshal({":shard": f"{lane}{shard}", ":now": clock.rfc3339(now)}),
                Limit=limit,
            )["Items"]
            return found

        for item in each_shard(of_shard, age=lambda item: str(item["next_due"]["S"])):
            yield item["pk"]["S"].removeprefix(f"{self.prefix}#")

    def postpone(self, row_id: str, until: datetime) -> None:
        """Let a row that is due come up again at `until`; one that is not due before then stays as it is."""
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=marshal({"pk": self.key(row_id)}),
                UpdateExpression="SET next_due = :until",
                ConditionExpression="next_due < :until",
                ExpressionAttributeValues=marshal({":until": clock.rfc3339(until)}),
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise

    def leave_due_index(self, row_id: str, seen: str) -> None:
        """Let no sweeper find a row any more that was due at `seen`; nothing if another has put it off since."""
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=marshal({"pk": self.key(row_id)}),
                UpdateExpression="REMOVE due_shard, next_due",
                ConditionExpression="next_due = :seen",
                ExpressionAttributeValues=marshal({":seen": seen}),
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise


class AggregateStore(KeyedStore):
    """The rows of one aggregate in a service's table."""

    keeps_timeline = False
    """Whether a row keeps, in `timeline`, which events it heard and told, in that order: `{"event", "event_id", "at"}` each."""

    def __init__(self, client: Any, table_name: str, transitions: TransitionTable) -> None:
        super().__init__(client, table_name, transitions.aggregate)
        self.transitions = transitions

    def apply(
        self,
        aggregate_id: str,
        decide: Decide,
        cause: Causation,
        *,
        presume_absent: bool = False,
        seen: Row | None = None,
        tries: int = 5,
    ) -> Row | None:
        """Let `decide` look at the row and take the step it chooses; the row afterwards.

        Where another writer was faster, or this write's first answer was lost, `decide` is asked again with the row as it now
        is, so it must answer None for a step already taken. `presume_absent` saves the first read when the row is expected
        not to be there, `seen` when the caller has just had the row. Raises ContentionError after `tries` lost races.
        """
        row = seen if seen or presume_absent else self.get(aggregate_id)
        for _ in range(tries):
            change = decide(row)
            if change is None:
                return row
            try:
                return self.write(aggregate_id, row, change, cause)
            except VersionConflictError as stale:
                row = stale.row
        raise ContentionError(f"{self.key(aggregate_id)} changed {tries} times while being written")

    def write(self, aggregate_id: str, row: Row | None, change: Decision, cause: Causation) -> Row:
        """One conditional write of `change` on top of `row`; the new row.

        Raises VersionConflictError, InvalidEventError, EventTooLargeError.
        """
        try:
            answer = self.client.update_item(
                **self.update(aggregate_id, row, change, cause),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            old = error.response.get("Item")
            raise VersionConflictError(unmarshal(old) if old else None) from None
        return unmarshal(answer["Attributes"])

    def update(self, aggregate_id: str, row: Row | None, change: Decision, cause: Causation) -> dict[str, Any]:
        """The write of `change`, in the form that UpdateItem and a transaction's Update both take."""
        transition = change.transition
        status = row["status"] if row else ABSENT
        if status not in transition.sources:
            raise ForbiddenTransitionError(
                f"{self.key(aggregate_id)} is {status}; {transition.name} starts from {sorted(transition.sources)}"
            )
        key, now = self.key(aggregate_id), clock.rfc3339(clock.now())
        version = (row["version"] if row else 0) + 1
        assign: dict[str, Any] = {**change.set, "status": transition.target, "version": version, "updated_at": now}
        if row is None:
            assign = {"created_at": now, **assign}
        names = {f"#{name}": name for name in (*assign, *change.remove)}
        values: dict[str, Any] = {f":{name}": value for name, value in assign.items()}
        sets = [f"#{name} = :{name}" for name in assign]
        known = [change.heard] if change.heard else []
        if transition.publishes and change.publishes:
            event = DomainEvent(
                source=self.transitions.source,
                detail_type=transition.publishes,
                event_id=f"{key}#{version}",
                occurred_at=now,
                correlation_id=cause.correlation_id,
                causation_id=cause.causation_id,
                order_id=(row or assign).get("order_id"),
                data=change.data,
                event_version=schemas.newest_version(self.transitions.source, transition.publishes),
            )
            schemas.validate_event(event)
            for older in versions.also_published(event.source, event.detail_type, event.detail(), clock.now().date()):
                schemas.validate(event.source, event.detail_type, older)
            sets.append("pending = list_append(if_not_exists(pending, :nothing), :events)")
            sets.append("pending_since = if_not_exists(pending_since, :updated_at)")
            sets.append("pending_shard = if_not_exists(pending_shard, :shard)")
            values |= {":nothing": [], ":events": [event.to_outbox()], ":shard": shard_of(key)}
            if transition.repeatable:
                sets.append("said = :said")
                values |= {":said": event.to_outbox()}
            known.append(event)
        if self.keeps_timeline and known:
            sets.append("timeline = list_append(if_not_exists(timeline, :nothing), :timeline)")
            told = [{"event": event.detail_type, "event_id": event.event_id, "at": event.occurred_at} for event in known]
            values |= {":nothing": [], ":timeline": told}
        condition, condition_values = self._condition(row, transition)
        values |= condition_values
        expression = "SET " + ", ".join(sets)
        if change.remove:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in change.remove)
        return {
            "TableName": self.table_name,
            "Key": marshal({"pk": key}),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": marshal(values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def republish_said(self, aggregate_id: str, row: Row) -> bool:
        """Put the event that the row keeps as `said` into its outbox once more, as it was; return whether it is there now.

        Not where the row keeps none, has moved since it was read, or has an event that waits: the relay publishes that one.
        Consumers know the event by its id, so that those who had it do nothing.
        """
        if "said" not in row:
            return False
        key = self.key(aggregate_id)
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=marshal({"pk": key}),
                UpdateExpression="SET pending = :events, pending_since = :now, pending_shard = :shard",
                ConditionExpression="version = :seen AND attribute_not_exists(pending)",
                ExpressionAttributeValues=marshal(
                    {
                        ":events": [row["said"]],
                        ":now": clock.rfc3339(clock.now()),
                        ":shard": shard_of(key),
                        ":seen": row["version"],
                    }
                ),
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            return False
        return True

    @staticmethod
    def _condition(row: Row | None, transition: Transition) -> tuple[str, dict[str, Any]]:
        """The table's source statuses as a condition, and that nobody has moved the row since it was read."""
        if row is None:
            return "attribute_not_exists(pk)", {}
        sources = sorted(transition.sources - {ABSENT})
        marks = {f":from{position}": source for position, source in enumerate(sources)}
        return f"#status IN ({', '.join(marks)}) AND #version = :seen", {**marks, ":seen": row["version"]}
