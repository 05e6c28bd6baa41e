"""Aggregates: items that move by transitions, each with its outbox inside.

A transition and the event it publishes are one conditional `UpdateItem`: the event waits in the item's `pending` list until the
relay has put it on the bus.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Generic, NotRequired, Required, TypedDict, cast

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import TypeVar

from kernel import clock, index_shards, logs, schemas, timeline, versions
from kernel.clients import AwsClient
from kernel.errors import BugError, RetryableError
from kernel.events import DomainEvent
from kernel.index_shards import ALL, Share, shard_of
from kernel.measures import Measure
from kernel.metrics import emit
from kernel.naming import DUE_INDEX
from kernel.timeline import StoredEntry
from kernel.transitions import ABSENT, Transition, TransitionTable

Row = dict[str, Any]
"""An item of any form, as plain values."""
T = TypeVar("T")

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class AttributeValue(TypedDict, total=False):
    """A value in DynamoDB's wire form: exactly one of these types, such as `{"S": "x"}` or `{"N": "1"}`."""

    S: str
    N: str
    BOOL: bool
    NULL: bool
    L: list["AttributeValue"]
    M: dict[str, "AttributeValue"]


Item = Mapping[str, AttributeValue]
"""An item in DynamoDB's wire form."""


class IndexEntry(TypedDict):
    """An item as a sparse index shows it: its key, and since when or from when on it is there."""

    pk: AttributeValue
    pending_since: NotRequired[AttributeValue]
    next_due: NotRequired[AttributeValue]


class Write(TypedDict, total=False):
    """The parameters of a conditional write: a Put has `Item`, any other `Key`. A transaction's actions take them too."""

    TableName: Required[str]
    Key: Mapping[str, AttributeValue]
    Item: Mapping[str, AttributeValue]
    UpdateExpression: str
    ConditionExpression: str
    ExpressionAttributeNames: Mapping[str, str]
    ExpressionAttributeValues: Mapping[str, AttributeValue]
    ReturnValuesOnConditionCheckFailure: str


class SweptAttributes(TypedDict, total=False):
    """The key of the sparse index `due`, on an item that a sweeper must look at; `next_due` is in RFC 3339 (UTC)."""

    due_shard: str
    next_due: str


class DueAttributes(TypedDict):
    """The attributes by which a sweeper finds an item from a time on, as `due_at` sets them."""

    due_shard: str
    next_due: str


class AggregateRow(TypedDict):
    """The attributes that every aggregate has. Times are in RFC 3339 (UTC)."""

    pk: str
    status: str
    version: int
    """Rises by 1 with each transition."""
    created_at: str
    updated_at: str
    pending: NotRequired[list[str]]
    """The outbox: events as texts that `outbox_text.unpack` reads."""
    pending_since: NotRequired[str]
    pending_shard: NotRequired[str]
    """The key of the sparse index `pending`, by which the sweeper finds a row whose events the relay could not publish."""
    said: NotRequired[str]
    """The event of the latest repeatable transition, as in the outbox."""
    timeline: NotRequired[list[StoredEntry]]
    """As `kernel.timeline.entries` reads it."""


R = TypeVar("R", bound=Mapping[str, Any], default=Row)
"""The form of an aggregate's items, an `AggregateRow`."""
A_co = TypeVar("A_co", bound=Mapping[str, object], covariant=True, default=Mapping[str, object])
"""The attributes that a decision may set."""


class VersionConflictError(RetryableError):
    """The item changed since it was read. `row` is the current item, or None if there is none."""

    def __init__(self, row: Row | None) -> None:
        super().__init__("the item has changed since it was read")
        self.row = row


class ForbiddenTransitionError(BugError):
    """The transition table does not have this step from the status of the item."""


class ContentionError(RetryableError):
    """Too many writers were faster; retry."""


class UnknownAggregateError(RetryableError):
    """No item has this id. An event about it may have come too early."""


@dataclass(frozen=True)
class Causation:
    """The cause of an event: the order's thread (`kernel/traces.py`), and the id of the event or request that led here."""

    correlation_id: str
    causation_id: str


@dataclass(frozen=True)
class Decision(Generic[A_co]):
    """A step to take: its transition, the attributes that it sets and removes, and the data of the event that it publishes."""

    transition: Transition
    set: A_co | None = None
    remove: tuple[str, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    publishes: bool = True
    """False if this particular step publishes no event (a release that found nothing to release)."""
    triggered_by: DomainEvent | None = None
    """The other service's event that led to the step, for the timeline."""


def marshal(value: Mapping[str, object]) -> dict[str, AttributeValue]:
    """Return a plain dict in DynamoDB's wire form."""
    return {name: _serialize(part) for name, part in value.items()}


def unmarshal(item: Item) -> Row:
    """Return a plain dict from DynamoDB's wire form; all numbers become integers."""
    return {name: _plain(_deserialize(part)) for name, part in item.items()}


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value


def _entry_of(event: DomainEvent, aggregate_id: str) -> StoredEntry:
    return timeline.stored({"event": event.detail_type, "event_id": event.event_id, "at": event.occurred_at}, aggregate_id)


def due_at(key: str, moment: datetime, lane: str = "") -> DueAttributes:
    """Return the attributes by which a sweeper finds the item from `moment` on.

    A `lane` is a set of partitions of its own: a sweeper reads one lane at a time.
    """
    return {"due_shard": f"{lane}{shard_of(key)}", "next_due": clock.rfc3339(moment)}


def each_shard(shards: Iterable[int], items_of: Callable[[str], list[T]], age: Callable[[T], str] | None = None) -> Iterator[T]:
    """Yield the items of these shards of a sparse index; with `age`, those of all shards together, the least age first.

    Raises, at the end, what the first shard that failed raised.
    """
    failure: Exception | None = None
    waiting: list[T] = []
    for shard in shards:
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
"""The attributes to remove from an item that no sweeper must look at any more."""


def is_condition_failure(error: ClientError) -> bool:
    """Return whether the write's condition refused it, which is an answer and not a fault."""
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")


def update_if(
    client: AwsClient,
    table_name: str,
    pk: str,
    update: str,
    condition: str,
    values: Mapping[str, object],
    names: Mapping[str, str] | None = None,
) -> bool:
    """Update an item if the condition holds, and return whether it did. `values` and `names` are those of both expressions."""
    try:
        client.update_item(
            TableName=table_name,
            Key=marshal({"pk": pk}),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=marshal(values),
            **({"ExpressionAttributeNames": names} if names else {}),
        )
    except ClientError as error:
        if not is_condition_failure(error):
            raise
        return False
    return True


def make_due(client: AwsClient, table_name: str, pk: str, since: str, lane: str = "") -> bool:
    """Enter a row into the index `due` since its latest step at `since`; False if it has moved or is due already."""
    due = due_at(pk, clock.from_rfc3339(since), lane)
    return update_if(
        client,
        table_name,
        pk,
        "SET due_shard = :shard, next_due = :since",
        "updated_at = :since AND attribute_not_exists(due_shard)",
        {":shard": due["due_shard"], ":since": since},
    )


class KeyedStore(Generic[R]):
    """Items with the keys `<prefix>#<id>`, read by id, and found when they are due."""

    def __init__(self, client: AwsClient, table_name: str, prefix: str) -> None:
        self.client = client
        self.table_name = table_name
        self.prefix = prefix

    def key(self, row_id: str) -> str:
        """Return the item's key: `ORDER#<id>` for the id of an order."""
        return f"{self.prefix}#{row_id}"

    def get(self, row_id: str) -> R | None:
        """Return the item, read consistently, or None if there is none."""
        answer = self.client.get_item(TableName=self.table_name, Key=marshal({"pk": self.key(row_id)}), ConsistentRead=True)
        return cast(R, unmarshal(answer["Item"])) if "Item" in answer else None

    def due(self, now: datetime, limit: int, lane: str = "", share: Share = ALL) -> Iterator[str]:
        """Yield the ids of at most `limit` due rows of each of these shards; over all of them, the longest waiting first.

        The index runs behind the table, so read a row before you act on it. A shard that cannot be read stops no other:
        its error is raised at the end.
        """

        def of_shard(shard: str) -> list[IndexEntry]:
            found: list[IndexEntry] = self.client.query(
                TableName=self.table_name,
                IndexName=DUE_INDEX,
                KeyConditionExpression="due_shard = :shard AND next_due <= :now",
                ExpressionAttributeValues=marshal({":shard": f"{lane}{shard}", ":now": clock.rfc3339(now)}),
                Limit=limit,
            )["Items"]
            return found

        for item in each_shard(index_shards.read_at(now, share), of_shard, age=lambda item: item["next_due"]["S"]):
            yield item["pk"]["S"].removeprefix(f"{self.prefix}#")

    def postpone(self, row_id: str, until: datetime) -> None:
        """Let a row that is due come up again at `until`; one that is not due before then stays as it is."""
        values = {":until": clock.rfc3339(until)}
        update_if(self.client, self.table_name, self.key(row_id), "SET next_due = :until", "next_due < :until", values)

    def leave_due_index(self, row_id: str, seen: str) -> None:
        """Let no sweeper find a row any more that was due at `seen`; nothing if another has put it off since."""
        key, update = self.key(row_id), "REMOVE due_shard, next_due"
        update_if(self.client, self.table_name, key, update, "next_due = :seen", {":seen": seen})


class AggregateStore(KeyedStore[R]):
    """The aggregates of one kind in a service's table.

    Example: `orders.apply(order_id, lambda row: decide_to_cancel(row, "CUSTOMER", now), causation)` returns the order after it.
    """

    keeps_timeline = False
    """Whether an item keeps, in `timeline`, the events it published and consumed, oldest first."""

    def __init__(self, client: AwsClient, table_name: str, transitions: TransitionTable) -> None:
        super().__init__(client, table_name, transitions.aggregate)
        self.transitions = transitions

    def create(self, aggregate_id: str, decision: Decision, causation: Causation) -> R:
        """Take a first step unless the item exists; return the item afterwards. Saves the read before the write."""
        return self.create_or_apply(aggregate_id, lambda row: decision if row is None else None, causation, presume_absent=True)

    def apply(
        self, aggregate_id: str, decide: Callable[[R], Decision | None], causation: Causation, *, seen: R | None = None
    ) -> R:
        """Take the step that `decide` chooses for the item; return the item afterwards, or as it is if `decide` returns None.

        `decide` runs again if another writer was faster or if the response to this write was lost: it must return None for a
        step that is taken already. `seen` saves the first read. Raises UnknownAggregateError, ContentionError, and what `write`
        raises.
        """

        def decide_for_existing(row: R | None) -> Decision | None:
            if row is None:
                raise UnknownAggregateError(f"there is no {self.key(aggregate_id)}")
            return decide(row)

        return self.create_or_apply(aggregate_id, decide_for_existing, causation, seen=seen)

    def create_or_apply(
        self,
        aggregate_id: str,
        decide: Callable[[R | None], Decision | None],
        causation: Causation,
        *,
        presume_absent: bool = False,
        seen: R | None = None,
        tries: int = 5,
    ) -> R:
        """Do as `apply` does, with None for an item that does not exist yet.

        `presume_absent` saves the first read if the item is expected to be missing. Raises UnknownAggregateError if `decide`
        returns None for a missing item, ContentionError after `tries` lost races, and what `write` raises.
        """
        row = seen if seen or presume_absent else self.get(aggregate_id)
        for _ in range(tries):
            decision = decide(row)
            if decision is None:
                if row is None:
                    raise UnknownAggregateError(f"there is no {self.key(aggregate_id)}")
                return row
            try:
                return self.write(aggregate_id, row, decision, causation)
            except VersionConflictError as conflict:
                row = cast(R | None, conflict.row)
        raise ContentionError(f"{self.key(aggregate_id)} changed {tries} times while being written")

    def write(self, aggregate_id: str, row: R | None, decision: Decision, causation: Causation) -> R:
        """Write the decision on top of `row`, in one conditional write; return the item afterwards.

        Raises VersionConflictError, ForbiddenTransitionError, InvalidEventError, EventTooLargeError.
        """
        try:
            answer = self.client.update_item(
                **self.update(aggregate_id, row, decision, causation),
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            old = error.response.get("Item")
            raise VersionConflictError(unmarshal(old) if old else None) from None
        after = cast(R, unmarshal(answer["Attributes"]))
        emit(self.measures(decision.transition.name, after))
        return after

    def measures(self, step: str, after: R) -> Iterable[Measure]:
        """Return what a step that was just written adds to the business metrics; `after` is the item after it."""
        return ()

    def update(self, aggregate_id: str, row: R | None, decision: Decision, causation: Causation) -> Write:
        """Return the decision's write in the form that UpdateItem and a transaction's Update both take."""
        transition = decision.transition
        status = row["status"] if row else ABSENT
        if status not in transition.sources:
            raise ForbiddenTransitionError(
                f"{self.key(aggregate_id)} is {status}; {transition.name} starts from {sorted(transition.sources)}"
            )
        key, now = self.key(aggregate_id), clock.rfc3339(clock.now())
        version = (row["version"] if row else 0) + 1
        assign: dict[str, Any] = {**(decision.set or {}), "status": transition.target, "version": version, "updated_at": now}
        if row is None:
            assign = {"created_at": now, **assign}
        names = {f"#{name}": name for name in (*assign, *decision.remove)}
        values: dict[str, object] = {f":{name}": value for name, value in assign.items()}
        sets = [f"#{name} = :{name}" for name in assign]
        known = [decision.triggered_by] if decision.triggered_by else []
        if transition.publishes and decision.publishes:
            event = DomainEvent(
                source=self.transitions.source,
                detail_type=transition.publishes,
                event_id=f"{key}#{version}",
                occurred_at=now,
                correlation_id=causation.correlation_id,
                causation_id=causation.causation_id,
                order_id=(row or assign).get("order_id"),
                data=decision.data,
                event_version=schemas.newest_version(self.transitions.source, transition.publishes),
            )
            schemas.validate_event(event)
            for older in versions.older(event.source, event.detail_type, event.detail(), clock.now().date()):
                schemas.validate(event.source, event.detail_type, older)
            sets.append("pending = list_append(if_not_exists(pending, :nothing), :events)")
            sets.append("pending_since = if_not_exists(pending_since, :updated_at)")
            values |= {":nothing": [], ":events": [event.to_outbox()]}
            if transition.repeatable:
                sets.append("said = :said")
                values |= {":said": event.to_outbox()}
            known.append(event)
        if self.keeps_timeline and known:
            sets.append("timeline = list_append(if_not_exists(timeline, :nothing), :timeline)")
            entries = [_entry_of(event, aggregate_id) for event in known]
            values |= {":nothing": [], ":timeline": entries}
        condition, condition_values = self._condition(row, transition)
        values |= condition_values
        logs.debug("step about to be written", row=key, transition=transition.name, version=version)
        expression = "SET " + ", ".join(sets)
        if decision.remove:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in decision.remove)
        return {
            "TableName": self.table_name,
            "Key": marshal({"pk": key}),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": marshal(values),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def after(self, row: R | None, update: Write) -> R:
        """Return the item after this update of it in a transaction, which returns no item; without outbox and timeline."""
        names, values = update["ExpressionAttributeNames"].values(), unmarshal(update["ExpressionAttributeValues"])
        kept = {name: value for name, value in (row or unmarshal(update["Key"])).items() if name not in names}
        return cast(R, {**kept, **{name: values[f":{name}"] for name in names if f":{name}" in values}})

    def make_due(self, row: R) -> bool:
        """Let the sweeper find an item since its latest step; False if it has moved since it was read, or is due already."""
        return make_due(self.client, self.table_name, row["pk"], row["updated_at"])

    def republish_said(self, aggregate_id: str, row: R) -> bool:
        """Put the event that the item keeps as `said` into its outbox again, unchanged; return whether it is there now.

        Return False if the item keeps none, has moved since it was read, or has pending events: the relay publishes those.
        Consumers know the event by its id, so it has no effect on those that had it.
        """
        if "said" not in row:
            return False
        values = {":events": [row["said"]], ":now": clock.rfc3339(clock.now()), ":seen": row["version"]}
        return update_if(
            self.client,
            self.table_name,
            self.key(aggregate_id),
            "SET pending = :events, pending_since = :now",
            "version = :seen AND attribute_not_exists(pending)",
            values,
        )

    @staticmethod
    def _condition(row: R | None, transition: Transition) -> tuple[str, dict[str, object]]:
        """Return the condition that the item has a source status and is still as it was read."""
        if row is None:
            return "attribute_not_exists(pk)", {}
        sources = sorted(transition.sources - {ABSENT})
        marks = {f":from{position}": source for position, source in enumerate(sources)}
        return f"#status IN ({', '.join(marks)}) AND #version = :seen", {**marks, ":seen": row["version"]}
