"""The in-memory DynamoDB against ministack's, request by request."""

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from simulation.engine.dynamodb import RefusalError
from tests.support.dynamodb_answers import answer, compared, ours, same
from tests.support.random_requests import TABLES, Requests

REPOSITORY = Path(__file__).parents[2]
EMBEDDED = REPOSITORY / ".venv-embedded" / "bin" / "python"
REQUESTS = 24_000


@pytest.mark.skipif(not EMBEDDED.exists(), reason="the embedded AWS is not set up: make setup")
def test_store_answers_random_requests_as_ministack_does() -> None:
    requests = Requests(seed=20_261_123)
    asked = [("CreateTable", table) for table in TABLES] + [requests.next() for _ in range(REQUESTS)]
    lines = "".join(json.dumps({"operation": operation, "request": request}) + "\n" for operation, request in asked)
    script = Path(__file__).parent / "ministack_answers.py"
    done = subprocess.run([str(EMBEDDED), str(script)], input=lines, capture_output=True, text=True, check=True)
    theirs = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(theirs) == len(asked)

    store, outcomes = ours(), Counter[str]()
    differences = []
    for (operation, request), their in list(zip(asked, theirs, strict=True))[len(TABLES) :]:
        our = answer(store, operation, request)
        outcomes[f"{operation} {our['body'].get('__type', 'done')}"] += 1
        if not same(compared(operation, our), compared(operation, their)):
            differences.append((operation, request, our, their))
    assert not differences, f"{len(differences)} differences; the first: {json.dumps(differences[0], indent=1)}"
    assert min(outcomes[f"{operation} done"] for operation in ("UpdateItem", "PutItem", "TransactWriteItems", "Query")) > 500
    assert outcomes["UpdateItem ConditionalCheckFailedException"] > 2_000
    assert outcomes["TransactWriteItems TransactionCanceledException"] > 1_000
    assert outcomes["UpdateItem ValidationException"] > 100


def test_update_that_assigns_an_attribute_twice_is_refused() -> None:
    """The one difference: AWS refuses an update that assigns one attribute twice, ministack takes the last.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
    """
    twice = {
        "TableName": "rows",
        "Key": {"pk": {"S": "ORDER#a"}},
        "UpdateExpression": "SET version = :one, #version = :two",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":two": {"N": "2"}},
    }
    with pytest.raises(RefusalError, match="overlap"):
        ours().call("UpdateItem", twice)


def test_transaction_repeated_with_its_token_is_written_once() -> None:
    now = [0]
    store = ours()
    store.now = lambda: now[0]
    plus = {
        "TableName": "rows",
        "Key": {"pk": {"S": "SKU#x"}},
        "UpdateExpression": "ADD available :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }
    request = {"TransactItems": [{"Update": plus}], "ClientRequestToken": "token"}
    for minutes in (0, 9, 11):
        now[0] = minutes * 60_000_000
        store.call("TransactWriteItems", request)
    assert store.tables["rows"].rows["SKU#x"]["available"] == {"N": "2"}, "and again once the ten minutes are over"


def test_stale_read_returns_an_earlier_row() -> None:
    now = [0]
    store = ours()
    store.now = lambda: now[0]
    key = {"pk": {"S": "ORDER#a"}}
    for status in ("PENDING", "CONFIRMING"):
        now[0] += 1_000
        store.call("PutItem", {"TableName": "rows", "Item": {**key, "status": {"S": status}}})
    get = {"TableName": "rows", "Key": key}
    assert store.call_stale("GetItem", get, 500)["Item"]["status"] == {"S": "PENDING"}
    assert store.call_stale("GetItem", get, 5_000) == {}
    assert store.call("GetItem", get)["Item"]["status"] == {"S": "CONFIRMING"}
