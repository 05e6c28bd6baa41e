"""Transactions: their refusals, and which of them are worth another try."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from kernel.aggregate_store import ContentionError, marshal, unmarshal
from kernel.transactions import LONGEST_PAUSE, TRIES, Action, transact
from tests.support.tables import create_table


@pytest.fixture
def client(dynamodb: Any) -> Any:
    create_table(dynamodb, "stock")
    return dynamodb


def put(pk: str, **attributes: Any) -> Action:
    return {
        "Put": {
            "TableName": "stock",
            "Item": marshal({"pk": pk, **attributes}),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def require(pk: str) -> Action:
    return {"ConditionCheck": {"TableName": "stock", "Key": marshal({"pk": pk}), "ConditionExpression": "attribute_exists(pk)"}}


class Cancelling:
    """A DynamoDB that cancels the first transactions for the given reasons."""

    def __init__(self, client: Any, *cancellations: list[str]) -> None:
        self.client = client
        self.cancellations = list(cancellations)
        self.calls = 0

    def transact_write_items(self, **call: Any) -> Any:
        self.calls += 1
        if self.cancellations:
            reasons = [{"Code": code} for code in self.cancellations.pop(0)]
            raise ClientError(
                {"Error": {"Code": "TransactionCanceledException", "Message": "cancelled"}, "CancellationReasons": reasons},  # type: ignore[typeddict-unknown-key]
                "TransactWriteItems",
            )
        return self.client.transact_write_items(**call)


def test_transaction_without_a_failed_condition_is_written(client: Any) -> None:
    assert transact(client, [put("A"), put("B")]) == {}
    assert client.scan(TableName="stock")["Count"] == 2


def test_failed_action_is_returned_by_position_with_its_row(client: Any) -> None:
    transact(client, [put("B", available=3)])

    refused = transact(client, [put("A"), put("B", available=9), require("C")])

    assert refused == {1: {"pk": "B", "available": 3}, 2: None}
    assert client.scan(TableName="stock")["Count"] == 1


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_conflict_is_retried(client: Any, code: str) -> None:
    pauses: list[float] = []
    busy = Cancelling(client, ["None", code], [code, code])

    assert transact(busy, [put("A"), put("B")], pause=pauses.append) == {}

    assert busy.calls == 3
    assert len(pauses) == 2


def test_failed_condition_beside_a_conflict_is_returned(client: Any) -> None:
    busy = Cancelling(client, ["ConditionalCheckFailed", "TransactionConflict"])

    assert transact(busy, [put("A"), put("B")]) == {0: None}
    assert busy.calls == 1


def test_other_reason_raises_an_error(client: Any) -> None:
    busy = Cancelling(client, ["ValidationError", "TransactionConflict"])

    with pytest.raises(ClientError):
        transact(busy, [put("A"), put("B")])
    assert busy.calls == 1


def test_other_error_of_dynamodb_is_raised(client: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        transact(client, [{"Put": {"TableName": "nowhere", "Item": marshal({"pk": "A"})}}])


def test_contention_error_follows_eight_tries_in_1500_ms(client: Any) -> None:
    class Longest:
        def uniform(self, low: float, high: float) -> float:
            assert low == 0
            return high

    pauses: list[float] = []
    busy = Cancelling(client, *[["TransactionConflict"]] * 99)

    with pytest.raises(ContentionError, match="8 times"):
        transact(busy, [put("A")], chance=Longest(), pause=pauses.append)  # type: ignore[arg-type]

    assert busy.calls == TRIES == 8
    assert pauses == [0.05, 0.1, 0.2, *[LONGEST_PAUSE] * 4]
    assert sum(pauses) < 1.6


def update(pk: str, **seen: Any) -> Action:
    return {
        "Update": {
            "TableName": "stock",
            "Key": marshal({"pk": pk}),
            "UpdateExpression": "SET available = :next",
            "ConditionExpression": "available = :seen",
            "ExpressionAttributeValues": marshal({":next": seen["available"] - 1, ":seen": seen["available"]}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


class Conflicting:
    """A DynamoDB that makes no transaction, and whose first updates meet one."""

    def __init__(self, client: Any, conflicts: int) -> None:
        self.client = client
        self.conflicts = conflicts

    def update_item(self, **call: Any) -> Any:
        if self.conflicts:
            self.conflicts -= 1
            raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": "in a transaction"}}, "UpdateItem")
        return self.client.update_item(**call)


def test_lone_update_is_no_transaction_and_is_retried_after_a_conflict(client: Any) -> None:
    client.put_item(TableName="stock", Item=marshal({"pk": "A", "available": 3}))
    pauses: list[float] = []

    assert transact(Conflicting(client, 2), [update("A", available=3)], pause=pauses.append) == {}

    assert len(pauses) == 2
    assert unmarshal(client.get_item(TableName="stock", Key=marshal({"pk": "A"}))["Item"])["available"] == 2


def test_lone_update_that_its_condition_refuses_is_returned_with_its_row(client: Any) -> None:
    client.put_item(TableName="stock", Item=marshal({"pk": "A", "available": 5}))
    assert transact(client, [update("A", available=3)]) == {0: {"pk": "A", "available": 5}}
    assert transact(client, [update("B", available=3)]) == {0: None}


def test_lone_update_that_meets_transactions_too_often_raises_contention_error(client: Any) -> None:
    with pytest.raises(ContentionError):
        transact(Conflicting(client, TRIES), [update("A", available=3)], pause=lambda seconds: None)
