"""DynamoDB in memory: tables with text keys and keys-only indexes, and the operations of `DynamoDB`.

Every request is atomic. Tests compare the responses with those of ministack and dynalite, request by request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Required, TypedDict
from zlib import crc32

from simulation.engine import expressions
from simulation.engine.api import Request
from simulation.engine.expressions import AttributeValue, InvalidExpressionError, Item, Names, Values

TOKEN_MINUTES: Final = 10
"""How long DynamoDB remembers a ClientRequestToken."""
MAX_ACTIONS: Final = 100
RECENT_WRITES: Final = 2048
"""How many writes a table remembers for stale reads."""


class Action(TypedDict, total=False):
    """The parameters of an operation on one table, and of an action in a transaction, that this DynamoDB has."""

    TableName: Required[str]
    Key: Mapping[str, AttributeValue]
    Item: Mapping[str, AttributeValue]
    IndexName: str
    ConsistentRead: bool
    KeyConditionExpression: str
    FilterExpression: str
    ProjectionExpression: str
    ConditionExpression: str
    UpdateExpression: str
    ExpressionAttributeNames: Names
    ExpressionAttributeValues: Values
    ExclusiveStartKey: Mapping[str, AttributeValue]
    ScanIndexForward: bool
    Limit: int
    Select: str
    Segment: int
    TotalSegments: int
    ReturnValues: str
    ReturnValuesOnConditionCheckFailure: str


class KeysAndAttributes(TypedDict, total=False):
    """The items to read of one table in a BatchGetItem."""

    Keys: Required[list[Item]]
    ConsistentRead: bool


class BatchRead(TypedDict):
    """The parameters of BatchGetItem: the keys by table."""

    RequestItems: Mapping[str, KeysAndAttributes]


class Transaction(TypedDict, total=False):
    """The parameters of TransactWriteItems: each action by its kind, `Put`, `Update`, `Delete` or `ConditionCheck`."""

    TransactItems: Required[list[Mapping[str, Action]]]
    ClientRequestToken: str


class Answer(TypedDict, total=False):
    """The response to an operation; each has its own part of these."""

    Item: dict[str, AttributeValue]
    Items: list[dict[str, AttributeValue]]
    Attributes: dict[str, AttributeValue]
    Count: int
    ScannedCount: int
    LastEvaluatedKey: dict[str, AttributeValue]
    Responses: dict[str, list[dict[str, AttributeValue]]]
    UnprocessedKeys: dict[str, KeysAndAttributes]


class CancellationReason(TypedDict, total=False):
    """The reason why an action cancels its transaction; `{"Code": "None"}` if it does not."""

    Code: Required[str]
    Message: str
    Item: dict[str, AttributeValue]


class RefusalError(Exception):
    """An error response. `extra` stands beside the error in it (`Item`, `CancellationReasons`)."""

    def __init__(self, code: str, message: str, extra: Mapping[str, object] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.extra = dict(extra or {})


@dataclass(frozen=True)
class Change:
    """A row before and after a write; None if it is missing."""

    table: str
    key: str
    old: Item | None
    new: Item | None


@dataclass
class Table:
    """A table's rows by key, and its sparse indexes as (partition, sort) of each row that has both."""

    name: str
    hash_key: str
    range_key: str | None = None
    indexes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rows: dict[str, Item] = field(default_factory=dict)
    entries: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    """By index and partition: the sort key of each row, by the row's key."""
    recent: list[tuple[int, str, Item | None]] = field(default_factory=list)
    """The rows before the latest writes, oldest first, with the time of the write, for stale reads."""

    def key_of(self, item: Item) -> str:
        """Return the row's key as one text."""
        try:
            key: str = item[self.hash_key]["S"]
            return key if self.range_key is None else f"{key}|{item[self.range_key]['S']}"
        except KeyError:
            raise RefusalError("ValidationException", "one of the required keys was not given a value") from None

    def key_item(self, item: Item) -> dict[str, AttributeValue]:
        """Return the item's key attributes alone."""
        names = (self.hash_key,) if self.range_key is None else (self.hash_key, self.range_key)
        return {name: item[name] for name in names}

    def store(self, key: str, new: Item | None) -> None:
        """Store the row and its entries in the indexes; with None, delete them."""
        old = self.rows.get(key)
        if new is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = new
        for index, (partition, sort) in self.indexes.items():
            before = _entry(old, partition, sort)
            after = _entry(new, partition, sort)
            if before != after:
                if before:
                    del self.entries[index][before[0]][key]
                if after:
                    self.entries.setdefault(index, {}).setdefault(after[0], {})[key] = after[1]


def segment_of(key: str, count: int) -> int:
    """Return the segment of a parallel scan, of `count` segments, that has the row."""
    return crc32(key.encode()) % count


def _entry(item: Item | None, partition: str, sort: str) -> tuple[str, str] | None:
    if item is None or partition not in item or sort not in item:
        return None
    return item[partition]["S"], item[sort]["S"]


class DynamoDB:
    """The tables, and the operations on them. `now` returns the time in microseconds; `committed` receives every write."""

    def __init__(self, now: Callable[[], int] = lambda: 0) -> None:
        self.tables: dict[str, Table] = {}
        self.now = now
        self.committed: Callable[[list[Change]], None] = lambda changes: None
        self._tokens: dict[str, tuple[int, list[Mapping[str, Action]]]] = {}
        self._operations: dict[str, Callable[[Any], Answer]] = {
            "GetItem": self.get_item,
            "BatchGetItem": self.batch_get_item,
            "PutItem": self.put_item,
            "UpdateItem": self.update_item,
            "DeleteItem": self.delete_item,
            "Query": self.query,
            "Scan": self.scan,
            "TransactWriteItems": self.transact_write_items,
        }

    def create(
        self,
        name: str,
        hash_key: str = "pk",
        range_key: str | None = None,
        indexes: Mapping[str, tuple[str, str]] | None = None,
    ) -> Table:
        """Create an empty table, with each index by its name and (partition, sort)."""
        self.tables[name] = Table(name, hash_key, range_key, dict(indexes or {}))
        return self.tables[name]

    def call(self, operation: str, request: Request, boundary: str = "") -> Answer:
        """Return the response to a request in boto3's form. Raises RefusalError."""
        try:
            return self._operations[operation](request)
        except InvalidExpressionError as error:
            raise RefusalError("ValidationException", str(error)) from None

    def call_stale(self, operation: str, request: Request, lag: int) -> Answer:
        """Return the response to a read as it was up to `lag` microseconds ago: an index or a replica that is behind."""
        undone: list[tuple[Table, str, Item | None]] = []
        names = request["RequestItems"] if operation == "BatchGetItem" else (request["TableName"],)
        for table in (self.tables[name] for name in names):
            for when, key, old in reversed(table.recent):
                if when <= self.now() - lag:
                    break
                undone.append((table, key, table.rows.get(key)))
                table.store(key, old)
        try:
            return self.call(operation, request)
        finally:
            for table, key, row in reversed(undone):
                table.store(key, row)

    # reads

    def get_item(self, request: Action) -> Answer:
        """Respond to GetItem."""
        table = self._table(request)
        paths = _projection(request)
        found = table.rows.get(table.key_of(request["Key"]))
        return {} if found is None else {"Item": _projected(found, paths, request)}

    def batch_get_item(self, request: BatchRead) -> Answer:
        """Respond to BatchGetItem."""
        responses = {}
        for name, wanted in request["RequestItems"].items():
            table = self._table({"TableName": name})
            if not wanted["Keys"]:
                raise RefusalError("ValidationException", "the list of keys is empty")
            keys = [table.key_of(key) for key in wanted["Keys"]]
            if len(set(keys)) != len(keys):
                raise RefusalError("ValidationException", "provided list of item keys contains duplicates")
            responses[name] = [dict(table.rows[key]) for key in keys if key in table.rows]
        return {"Responses": responses, "UnprocessedKeys": {}}

    def query(self, request: Action) -> Answer:
        """Respond to a Query of the table by its own key, or of a keys-only index."""
        table = self._table(request)
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        key_condition = request["KeyConditionExpression"]
        expressions.check_used((key_condition, *_filters(request)), names, values)
        matches = expressions.condition(key_condition)
        candidates: list[tuple[str, str, Item]]
        if "IndexName" in request:
            index = request["IndexName"]
            if index not in table.indexes:
                raise RefusalError("ValidationException", f"the table does not have the index {index}")
            partition, sort = table.indexes[index]
            candidates = [
                (sort_value, key, {**table.key_item(table.rows[key]), partition: {"S": shard}, sort: {"S": sort_value}})
                for shard, entries in table.entries.get(index, {}).items()
                for key, sort_value in entries.items()
            ]
        else:
            candidates = [(key, key, row) for key, row in table.rows.items()]
        found = sorted((c for c in candidates if matches(c[2], names, values)), key=lambda c: c[:2])
        if not request.get("ScanIndexForward", True):
            found.reverse()
        return self._page(table, request, [(key, item) for _, key, item in found])

    def scan(self, request: Action) -> Answer:
        """Respond to Scan of the table or of one segment, in the order of the keys."""
        table = self._table(request)
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        expressions.check_used((*_filters(request), *_projections(request)), names, values)
        number, count = request.get("Segment", 0), request.get("TotalSegments", 1)
        rows = (row for row in table.rows.items() if segment_of(row[0], count) == number)
        return self._page(table, request, sorted(rows))

    def _page(self, table: Table, request: Action, found: list[tuple[str, Item]]) -> Answer:
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        if "ExclusiveStartKey" in request:
            start = table.key_of(request["ExclusiveStartKey"])
            position = next((at for at, (key, _) in enumerate(found) if key == start), len(found))
            found = found[position + 1 :]
        limit = request.get("Limit", len(found))
        page = found[:limit]
        keep = expressions.condition(request["FilterExpression"]) if "FilterExpression" in request else None
        kept = [item for _, item in page if keep is None or keep(item, names, values)]
        answer: Answer = {"Count": len(kept), "ScannedCount": len(page)}
        if request.get("Select") != "COUNT":
            paths = _projection(request)
            answer["Items"] = [_projected(item, paths, request) for item in kept]
        if page and "Limit" in request and len(page) == limit:
            last = page[-1][1]
            index_keys = table.indexes.get(request.get("IndexName", ""), ())
            answer["LastEvaluatedKey"] = {**table.key_item(last), **{name: last[name] for name in index_keys}}
        return answer

    # writes

    def put_item(self, request: Action) -> Answer:
        """Respond to PutItem."""
        change = self._decide("Put", request)
        self._commit([change])
        return {"Attributes": dict(change.old)} if request.get("ReturnValues") == "ALL_OLD" and change.old else {}

    def delete_item(self, request: Action) -> Answer:
        """Respond to DeleteItem."""
        change = self._decide("Delete", request)
        self._commit([change])
        return {"Attributes": dict(change.old)} if request.get("ReturnValues") == "ALL_OLD" and change.old else {}

    def update_item(self, request: Action) -> Answer:
        """Respond to UpdateItem."""
        change = self._decide("Update", request)
        self._commit([change])
        wanted = request.get("ReturnValues", "NONE")
        assert change.new is not None
        if wanted == "ALL_NEW":
            return {"Attributes": dict(change.new)}
        if wanted == "ALL_OLD" and change.old:
            return {"Attributes": dict(change.old)}
        if wanted in ("UPDATED_NEW", "UPDATED_OLD"):
            names = request.get("ExpressionAttributeNames", {})
            touched = [names.get(name, name) for name in expressions.updated_attributes(request["UpdateExpression"])]
            source = change.new if wanted == "UPDATED_NEW" else change.old or {}
            found = {name: source[name] for name in touched if name in source}
            return {"Attributes": found} if found else {}
        return {}

    def transact_write_items(self, request: Transaction) -> Answer:
        """Respond to TransactWriteItems."""
        actions = [next(iter(action.items())) for action in request["TransactItems"]]
        token = request.get("ClientRequestToken")
        if token is not None:
            since, remembered = self._tokens.get(token, (0, None))
            if remembered is not None and self.now() - since < TOKEN_MINUTES * 60_000_000:
                if remembered != request["TransactItems"]:
                    raise RefusalError("IdempotentParameterMismatchException", "the token was used for another transaction")
                return {}
        if len(actions) > MAX_ACTIONS:
            raise RefusalError("ValidationException", f"{len(actions)} actions; at most {MAX_ACTIONS}")
        tables = [self._table(action) for _, action in actions]
        keys = [
            (table.name, table.key_of(action["Item" if kind == "Put" else "Key"]))
            for table, (kind, action) in zip(tables, actions, strict=True)
        ]
        if len(set(keys)) != len(keys):
            raise RefusalError("ValidationException", "transaction request cannot include multiple operations on one item")
        for kind, action in actions:
            _check(kind, action)
        changes, reasons = [], []
        for kind, action in actions:
            reason = self._reason(kind, action)
            if reason["Code"] == "None":
                try:
                    changes.append(self._changed(kind, action))
                except InvalidExpressionError as error:
                    reason = {"Code": "ValidationError", "Message": str(error)}
            reasons.append(reason)
        if len(changes) < len(actions):
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            raise RefusalError("TransactionCanceledException", message, {"CancellationReasons": reasons})
        self._commit(changes)
        if token is not None:
            self._tokens[token] = (self.now(), request["TransactItems"])
        return {}

    def _decide(self, kind: str, action: Action) -> Change:
        """Return the change that a write makes to its row, without writing it. Raises RefusalError, InvalidExpressionError."""
        _check(kind, action)
        reason = self._reason(kind, action)
        if reason["Code"] != "None":
            raise RefusalError(
                "ConditionalCheckFailedException", reason.pop("Message"), {k: v for k, v in reason.items() if k == "Item"}
            )
        return self._changed(kind, action)

    def _reason(self, kind: str, action: Action) -> CancellationReason:
        """Return why the action's condition refuses it; `{"Code": "None"}` if it does not."""
        if "ConditionExpression" not in action:
            return {"Code": "None"}
        table = self._table(action)
        old = table.rows.get(table.key_of(action["Item" if kind == "Put" else "Key"]))
        condition = expressions.condition(action["ConditionExpression"])
        if condition(old or {}, action.get("ExpressionAttributeNames", {}), action.get("ExpressionAttributeValues", {})):
            return {"Code": "None"}
        reason: CancellationReason = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
        if action.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old is not None:
            reason["Item"] = dict(old)
        return reason

    def _changed(self, kind: str, action: Action) -> Change:
        """Return the change that an action makes once its condition holds. Raises RefusalError, InvalidExpressionError."""
        table = self._table(action)
        key = table.key_of(action["Item" if kind == "Put" else "Key"])
        old = table.rows.get(key)
        if kind == "ConditionCheck":
            return Change(table.name, key, old, old)
        if kind == "Delete":
            return Change(table.name, key, old, None)
        if kind == "Put":
            return Change(table.name, key, old, dict(action["Item"]))
        new = dict(action["Key"] if old is None else old)
        if "UpdateExpression" in action:
            names, values = action.get("ExpressionAttributeNames", {}), action.get("ExpressionAttributeValues", {})
            new = expressions.update(action["UpdateExpression"])(new, names, values)
        if any(new.get(name) != value for name, value in action["Key"].items()):
            raise RefusalError("ValidationException", "cannot update attributes that are part of the key")
        return Change(table.name, key, old, new)

    def _commit(self, changes: list[Change]) -> None:
        changed = [change for change in changes if change.old is not change.new]
        for change in changed:
            table = self.tables[change.table]
            if len(table.recent) > RECENT_WRITES:
                del table.recent[: RECENT_WRITES // 2]
            table.recent.append((self.now(), change.key, change.old))
            table.store(change.key, change.new)
        if changed:
            self.committed(changed)

    def _table(self, request: Action) -> Table:
        table = self.tables.get(request["TableName"])
        if table is None:
            raise RefusalError("ResourceNotFoundException", f"there is no table {request['TableName']}")
        return table


def _check(kind: str, action: Action) -> None:
    """Check a request as DynamoDB does before it reads any row. Raises InvalidExpressionError."""
    names, values = action.get("ExpressionAttributeNames", {}), action.get("ExpressionAttributeValues", {})
    texts = tuple(action[name] for name in ("UpdateExpression", "ConditionExpression") if name in action)
    expressions.check_used(texts, names, values)
    for value in (*values.values(), *(action["Item"].values() if kind == "Put" else ())):
        _check_value(value)
    if "UpdateExpression" in action:
        expressions.update(action["UpdateExpression"])
    if "ConditionExpression" in action:
        expressions.condition(action["ConditionExpression"])


def _check_value(value: AttributeValue) -> None:
    if value.get("S") == "" or "S" in value:
        return
    if "N" in value:
        try:
            expressions.number(value["N"])
        except ArithmeticError:
            raise InvalidExpressionError(f"{value['N']!r} is not a number") from None
    for kind in ("SS", "NS", "BS"):
        if kind in value and not value[kind]:
            raise InvalidExpressionError("a set may not be empty")


def _filters(request: Action) -> tuple[str, ...]:
    return (request["FilterExpression"],) if "FilterExpression" in request else ()


def _projections(request: Action) -> tuple[str, ...]:
    return (request["ProjectionExpression"],) if "ProjectionExpression" in request else ()


def _projection(request: Action) -> tuple[str, ...] | None:
    if "ProjectionExpression" not in request:
        return None
    names = request.get("ExpressionAttributeNames", {})
    paths = [expressions.resolve(path, names) for path in expressions.projection(request["ProjectionExpression"])]
    if any(len(path) > 1 for path in paths):
        raise InvalidExpressionError("projections of nested paths are not supported here")
    return tuple(str(path[0]) for path in paths)


def _projected(item: Item, paths: tuple[str, ...] | None, request: Action) -> dict[str, AttributeValue]:
    return dict(item) if paths is None else {name: item[name] for name in paths if name in item}
