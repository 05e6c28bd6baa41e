"""Random DynamoDB requests over few keys and few values, so that conditions, conflicts and shortages happen all the time."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from simulation.engine.dynamodb import Action, BatchRead, Transaction
from simulation.engine.expressions import AttributeValue

Names = dict[str, str]
Values = dict[str, AttributeValue]
Request = Action | BatchRead | Transaction

TABLES: Final = (
    {
        "TableName": "rows",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("pk", "pending_shard", "pending_since", "due_shard", "next_due")
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": partition, "KeyType": "HASH"},
                    {"AttributeName": sort, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, partition, sort in (("pending", "pending_shard", "pending_since"), ("due", "due_shard", "next_due"))
        ],
    },
    {
        "TableName": "ledger",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    },
)
KEYS: Final = ("ORDER#a", "ORDER#b", "SKU#x", "RES#a", "PAY#b")
STATUSES: Final = ("PENDING", "CONFIRMING", "CONFIRMED")
TIMES: Final = ("2026-11-23T04:00:00.000Z", "2026-11-23T04:01:00.000Z", "2026-11-23T04:02:00.000Z")
OPERATIONS: Final = ("authorize", "capture", "void")


class Requests:
    """A stream of (operation, request), all decided by the seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.makers: list[tuple[Callable[[], tuple[str, Request]], int]] = [
            (self.update_row, 40),
            (self.put_row, 12),
            (self.delete_row, 4),
            (self.get_row, 6),
            (self.transact, 22),
            (self.query_index, 8),
            (self.query_ledger, 4),
            (self.batch_get, 4),
            (self.scan, 2),
        ]

    def next(self) -> tuple[str, Request]:
        """Return the next request."""
        (maker,) = self.random.choices([maker for maker, _ in self.makers], [weight for _, weight in self.makers])
        return maker()

    # values

    def value(self) -> AttributeValue:
        chosen = self.random.randrange(9)
        if chosen < 3:
            return {"S": self.random.choice((*STATUSES, "", "ü€"))}
        if chosen < 6:
            return {"N": self.random.choice(("0", "1", "2", "-1", "10", "1.5", "007", "1e2", "-0"))}
        if chosen == 6:
            events: list[AttributeValue] = [{"S": "e1"}, {"N": "2"}]
            return {"L": events[: self.random.randrange(3)]}
        if chosen == 7:
            return {"M": {"amount": {"N": self.random.choice(("995", "0"))}, "currency": {"S": "USD"}}}
        others: tuple[AttributeValue, ...] = ({"BOOL": True}, {"NULL": True}, {"SS": ["a", "b"]}, {"SS": ["b", "a"]})
        return self.random.choice(others)

    def row(self) -> dict[str, AttributeValue]:
        item: dict[str, AttributeValue] = {"pk": {"S": self.random.choice(KEYS)}}
        attributes: dict[str, Callable[[], AttributeValue]] = {
            "status": lambda: {"S": self.random.choice(STATUSES)},
            "version": lambda: {"N": str(self.random.randrange(1, 4))},
            "available": lambda: {"N": str(self.random.randrange(6))},
            "total": self.value,
            "pending": lambda: {"L": [{"S": "e1"}]},
            "pending_since": lambda: {"S": self.random.choice(TIMES)},
            "pending_shard": lambda: {"S": self.random.choice("01")},
            "due_shard": lambda: {"S": self.random.choice("01")},
            "next_due": lambda: {"S": self.random.choice(TIMES)},
        }
        for name, make in attributes.items():
            if self.random.random() < 0.6:
                item[name] = make()
        return item

    def condition(self) -> tuple[str, Names, Values]:
        """Return a condition, its names and its values."""
        simple = [self._simple(number) for number in range(self.random.choice((1, 1, 2, 3)))]
        texts = [text for text, _, _ in simple]
        joined = texts[0]
        for text in texts[1:]:
            joined = f"{joined} {self.random.choice(('AND', 'OR'))} {self.random.choice(('', 'NOT '))}({text})"
        names = {key: value for _, some, _ in simple for key, value in some.items()}
        values = {key: value for _, _, some in simple for key, value in some.items()}
        return joined, names, values

    def _simple(self, number: int) -> tuple[str, Names, Values]:
        v, w, n = f":c{number}", f":d{number}", f"#n{number}"
        some = {v: self.value()}
        choices: tuple[tuple[str, Names, Values], ...] = (
            ("attribute_not_exists(pk)", {}, {}),
            (f"attribute_exists({n})", {n: "pending"}, {}),
            (f"{n} = {v}", {n: "status"}, {v: {"S": self.random.choice(STATUSES)}}),
            (f"{n} IN ({v}, {w})", {n: "status"}, {v: {"S": "PENDING"}, w: {"S": "CONFIRMING"}}),
            (f"version = {v}", {}, {v: {"N": str(self.random.randrange(1, 4))}}),
            (f"available >= {v}", {}, {v: {"N": str(self.random.randrange(6))}}),
            (f"next_due < {v}", {}, {v: {"S": self.random.choice(TIMES)}}),
            (f"attribute_not_exists(next_due) OR next_due < {v}", {}, {v: {"S": self.random.choice(TIMES)}}),
            (f"pending = {v}", {}, {v: {"L": [{"S": "e1"}]}}),
            (f"{n} <> {v}", {n: "total"}, some),
            (f"{n} = {v}", {n: "total"}, some),
            (f"{n}.amount > {v}", {n: "total"}, {v: {"N": "5"}}),
            (f"begins_with({n}, {v})", {n: "status"}, {v: {"S": "CONF"}}),
            (f"contains(pending, {v})", {}, {v: {"S": "e1"}}),
            (f"size(pending) > {v}", {}, {v: {"N": "1"}}),
            (f"available BETWEEN {v} AND {w}", {}, {v: {"N": "1"}, w: {"N": "3"}}),
            (f"attribute_type({n}, {v})", {n: "total"}, {v: {"S": "M"}}),
        )
        return self.random.choice(choices)

    def update(self) -> tuple[str, Names, Values]:
        """Return an update, its names and its values."""
        sets: list[str] = []
        names: Names = {}
        values: Values = {}
        choices: list[tuple[str, Names, Values]] = [
            ("#status = :status", {"#status": "status"}, {":status": {"S": self.random.choice(STATUSES)}}),
            ("version = :version", {}, {":version": {"N": str(self.random.randrange(1, 4))}}),
            ("version = version + :one", {}, {":one": {"N": "1"}}),
            ("available = if_not_exists(available, :zero) - :two", {}, {":zero": {"N": "0"}, ":two": {"N": "2"}}),
            (
                "pending = list_append(if_not_exists(pending, :nothing), :events)",
                {},
                {":nothing": {"L": []}, ":events": {"L": [{"S": "e2"}]}},
            ),
            ("pending_since = if_not_exists(pending_since, :since)", {}, {":since": {"S": self.random.choice(TIMES)}}),
            ("pending_shard = if_not_exists(pending_shard, :shard)", {}, {":shard": {"S": self.random.choice("01")}}),
            ("next_due = :due", {}, {":due": {"S": self.random.choice(TIMES)}}),
            ("due_shard = :due_shard", {}, {":due_shard": {"S": self.random.choice("01")}}),
            ("#total = :total", {"#total": "total"}, {":total": self.value()}),
            ("tracking = :tracking", {}, {":tracking": {"S": "SBX-1"}}),
        ]
        for text, some_names, some_values in self.random.sample(choices, self.random.choice((0, 1, 2, 3, 5))):
            if any(_attribute(text) == _attribute(other) for other in sets):
                continue  # overlapping paths: ministack lets them pass, see test_dynamodb.py
            sets.append(text)
            names |= some_names
            values |= some_values
        expression = f"SET {', '.join(sets)}" if sets else ""
        if self.random.random() < 0.3 or not sets:
            if self.random.random() < 0.5:
                expression += " REMOVE pending, pending_since, pending_shard" if not _mentions(sets, "pending") else ""
            if self.random.random() < 0.5 and not _mentions(sets, "available"):
                expression += " ADD available :plus, sold :minus"
                values |= {":plus": {"N": "3"}, ":minus": {"N": "-1"}}
        if not expression:
            return "REMOVE nobody", {}, {}
        return expression.strip(), names, values

    # requests

    def update_row(self) -> tuple[str, Request]:
        request = self._update_action()
        request["ReturnValues"] = self.random.choice(("NONE", "ALL_NEW", "ALL_OLD", "UPDATED_NEW"))
        return "UpdateItem", request

    def _update_action(self, key: str | None = None) -> Action:
        expression, names, values = self.update()
        request: Action = {
            "TableName": "rows",
            "Key": {"pk": {"S": key or self.random.choice(KEYS)}},
            "UpdateExpression": expression,
        }
        if self.random.random() < 0.7:
            condition, more_names, more_values = self.condition()
            request["ConditionExpression"] = condition
            names, values = names | more_names, values | more_values
            if self.random.random() < 0.7:
                request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return self._with(request, names, values)

    def put_row(self) -> tuple[str, Request]:
        request: Action = {"TableName": "rows", "Item": self.row()}
        names: Names = {}
        values: Values = {}
        if self.random.random() < 0.6:
            request["ConditionExpression"], names, values = self.condition()
            request["ReturnValuesOnConditionCheckFailure"] = self.random.choice(("ALL_OLD", "NONE"))
        request["ReturnValues"] = self.random.choice(("NONE", "ALL_OLD"))
        return "PutItem", self._with(request, names, values)

    def delete_row(self) -> tuple[str, Request]:
        request: Action = {"TableName": "rows", "Key": {"pk": {"S": self.random.choice(KEYS)}}}
        request["ReturnValues"] = self.random.choice(("NONE", "ALL_OLD"))
        return "DeleteItem", request

    def get_row(self) -> tuple[str, Request]:
        return "GetItem", {"TableName": "rows", "Key": {"pk": {"S": self.random.choice(KEYS)}}, "ConsistentRead": True}

    def transact(self) -> tuple[str, Request]:
        if self.random.random() < 0.5:
            return "TransactWriteItems", {"TransactItems": self._ledger_actions()}
        keys = self.random.sample(KEYS, self.random.choice((1, 2, 3)))
        if self.random.random() < 0.03:
            keys.append(keys[0])
        return "TransactWriteItems", {"TransactItems": [{"Update": self._update_action(key)} for key in keys]}

    def _ledger_actions(self) -> list[Mapping[str, Action]]:
        """Return the writes of a record of the sandbox gateway: put if it is missing, while another's is missing too."""
        key, (operation, other) = self.random.choice(("a", "b", "c")), self.random.sample(OPERATIONS, 2)
        put: Action = {
            "TableName": "ledger",
            "Item": {"pk": {"S": key}, "sk": {"S": operation}, "outcome": {"S": self.random.choice(("CAPTURED", "VOIDED"))}},
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        check: Action = {
            "TableName": "ledger",
            "Key": {"pk": {"S": key}, "sk": {"S": other}},
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": self.random.choice(("ALL_OLD", "NONE")),
        }
        if self.random.random() < 0.5:
            check["ConditionExpression"] = "attribute_not_exists(pk) OR outcome <> :captured"
            check["ExpressionAttributeValues"] = {":captured": {"S": "CAPTURED"}}
        actions: list[Mapping[str, Action]] = [{"Put": put}, {"ConditionCheck": check}]
        if self.random.random() < 0.2:
            actions.append({"Delete": {"TableName": "ledger", "Key": {"pk": {"S": "c"}, "sk": {"S": "nothing"}}}})
        return actions

    def query_index(self) -> tuple[str, Request]:
        index, partition, sort = self.random.choice(
            (("pending", "pending_shard", "pending_since"), ("due", "due_shard", "next_due"))
        )
        request: Action = {
            "TableName": "rows",
            "IndexName": index,
            "KeyConditionExpression": f"{partition} = :shard AND {sort} {self.random.choice(('<=', '<', '>'))} :time",
            "ExpressionAttributeValues": {":shard": {"S": self.random.choice("01")}, ":time": {"S": self.random.choice(TIMES)}},
        }
        if self.random.random() < 0.3:
            request["Limit"] = self.random.randrange(1, 4)
        return "Query", request

    def query_ledger(self) -> tuple[str, Request]:
        values: Values = {":pk": {"S": self.random.choice(("a", "b", "c"))}}
        condition = "pk = :pk"
        if self.random.random() < 0.5:
            condition, values = f"{condition} AND begins_with(sk, :prefix)", {**values, ":prefix": {"S": "a"}}
        request: Action = {"TableName": "ledger", "KeyConditionExpression": condition, "ExpressionAttributeValues": values}
        if self.random.random() < 0.3:
            request["ScanIndexForward"] = False
        return "Query", request

    def batch_get(self) -> tuple[str, Request]:
        keys = self.random.sample(KEYS, self.random.randrange(1, 4))
        if self.random.random() < 0.05:
            keys.append(keys[0])
        return "BatchGetItem", {"RequestItems": {"rows": {"Keys": [{"pk": {"S": key}} for key in keys]}}}

    def scan(self) -> tuple[str, Request]:
        return "Scan", {"TableName": self.random.choice(("rows", "ledger"))}

    def _with(self, request: Action, names: Names, values: Values) -> Action:
        if self.random.random() < 0.02:
            values = {**values, ":unused": {"S": "x"}}
        elif self.random.random() < 0.02 and values:
            values = dict(list(values.items())[1:])
        if names:
            request["ExpressionAttributeNames"] = names
        if values:
            request["ExpressionAttributeValues"] = values
        return request


def _attribute(text: str) -> str:
    """Return the top-level attribute that a SET assigns."""
    return text.partition(" = ")[0].partition(".")[0].partition("[")[0].lstrip("#")


def _mentions(sets: list[str], word: str) -> bool:
    return any(word in text for text in sets)
