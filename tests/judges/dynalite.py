"""dynalite, as a server of its own on 127.0.0.1, and what it is known to do otherwise than DynamoDB."""

import http.client
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulation.engine.dynamodb import DynamoDB
from simulation.engine.expressions import equal
from tests.support.dynamodb_answers import answer, compared, same
from tests.support.polling import eventually

Answer = dict[str, Any]
SERVER: Final = Path(__file__).parent / "dynalite_server.js"
SIGNED: Final = "AWS4-HMAC-SHA256 Credential=a/20261128/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=a"
"""A signature's form. dynalite requires one and does not verify it."""
SORT_KEYS: Final = {"pending": "pending_since", "due": "next_due"}
COMPARISON: Final = re.compile(r"(#?\w+) (?:=|<>) (:\w+)")


class Dynalite:
    """A connection to the server."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def ask(self, operation: str, request: Mapping[str, Any]) -> Answer:
        """Send one request and return the answer's `status` and `body`."""
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "X-Amz-Date": "20261128T000000Z",
            "Authorization": SIGNED,
        }
        self.connection.request("POST", "/", json.dumps(request), headers)
        response = self.connection.getresponse()
        return {"status": response.status, "body": json.loads(response.read())}

    def create(self, table: Mapping[str, Any]) -> None:
        """Create a table and wait until it takes requests."""
        self.ask("CreateTable", table)
        name = {"TableName": table["TableName"]}
        eventually(
            lambda: self.ask("DescribeTable", name)["body"]["Table"]["TableStatus"] == "ACTIVE", 10, "the table is active"
        )

    def overwrite(self, key: Mapping[str, Any], row: Mapping[str, Any] | None) -> None:
        """Store `row` under `key` in the table `rows`, or delete the stored value."""
        if row is None:
            self.ask("DeleteItem", {"TableName": "rows", "Key": key})
        else:
            self.ask("PutItem", {"TableName": "rows", "Item": row})


@contextmanager
def serving(node: Path) -> Iterator[Dynalite]:
    """Start dynalite on a free port, and end it by its pid."""
    process = subprocess.Popen([node, SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Dynalite(int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait(timeout=10)


@dataclass(frozen=True)
class Exchange:
    """One request, the row that it names as it was before, both answers, and our store after it."""

    operation: str
    request: Mapping[str, Any]
    before: Mapping[str, Any] | None
    ours: Answer
    theirs: Answer
    store: DynamoDB

    @property
    def differs(self) -> bool:
        """Whether callers could see a difference."""
        return not same(compared(self.operation, self.ours), compared(self.operation, self.theirs))


def leaves_out_the_refused_row(exchange: Exchange) -> bool:
    """Return whether only the row of a failed condition is missing: dynalite ignores ReturnValuesOnConditionCheckFailure."""
    ours, theirs = (compared(exchange.operation, side) for side in (exchange.ours, exchange.theirs))
    wanted = exchange.request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return wanted and exchange.theirs["status"] == exchange.ours["status"] == 400 and theirs == (ours[0], None, ours[2])


def returns_no_attributes_as_an_empty_map(exchange: Exchange) -> bool:
    """Return whether an update changed nothing that it could return, and dynalite returns an empty `Attributes`."""
    updated = exchange.request.get("ReturnValues") == "UPDATED_NEW"
    return updated and exchange.ours["body"] == {} and exchange.theirs == {"status": 200, "body": {"Attributes": {}}}


def orders_equal_sort_keys_otherwise(exchange: Exchange) -> bool:
    """Return whether an index's rows differ only in the order of those with one sort key. DynamoDB promises none."""
    sort_key = SORT_KEYS.get(exchange.request.get("IndexName", ""))
    if sort_key is None or exchange.theirs["status"] != 200:
        return False
    everything = answer(exchange.store, "Query", {name: exchange.request[name] for name in exchange.request if name != "Limit"})
    ours, theirs = exchange.ours["body"], exchange.theirs["body"]
    items = theirs["Items"]
    return (
        [item[sort_key] for item in items] == [item[sort_key] for item in ours["Items"]]
        and all(item in everything["body"]["Items"] for item in items)
        and len({item["pk"]["S"] for item in items}) == len(items)
        and theirs.get("LastEvaluatedKey") == (items[-1] if "LastEvaluatedKey" in ours else None)
    )


def takes_equal_documents_for_different(exchange: Exchange) -> bool:
    """Return whether the condition compares a list or map with an equal one: dynalite compares their parts by identity."""
    names = exchange.request.get("ExpressionAttributeNames", {})
    values = exchange.request.get("ExpressionAttributeValues", {})
    if exchange.before is None or "ConditionExpression" not in exchange.request:
        return False
    return any(
        value in values
        and values[value].keys() & {"L", "M"}
        and equal(exchange.before.get(names.get(name, name)), values[value])
        for name, value in COMPARISON.findall(exchange.request["ConditionExpression"])
    )


Gap = Callable[[Exchange], bool]
KNOWN_GAPS: Final[tuple[Gap, ...]] = (
    leaves_out_the_refused_row,
    returns_no_attributes_as_an_empty_map,
    orders_equal_sort_keys_otherwise,
    takes_equal_documents_for_different,
)
