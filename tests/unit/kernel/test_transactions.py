"""Transactions: their refusals, and which of them are worth another try."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from kernel.aggregate_store import ContentionError, marshal
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


def test_what_nothing_refuses_is_written(client: Any) -> None:
    assert transact(client, [put("A"), put("B")]) == {}
    assert client.scan(TableName="stock")["Count"] == 2


def test_what_is_refused_is_told_by_position_with_the_row_as_it_is(client: Any) -> None:
    transact(client, [put("B", available=3)])

    refused = transact(client, [put("A"), put("B", available=9), require("C")])

    assert refused == {1: {"pk": "B", "available": 3}, 2: None}
    assert client.scan(TableName="stock")["Count"] == 1


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_conflict_is_tried_again(client: Any, code: str) -> None:
    pauses: list[float] = []
    busy = Cancelling(client, ["None", code], [code, code])

    assert transact(busy, [put("A"), put("B")], pause=pauses.append) == {}

    assert busy.calls == 3
    assert len(pauses) == 2


def test_a_refused_condition_is_an_answer_even_beside_a_conflict(client: Any) -> None:
    busy = Cancelling(client, ["ConditionalCheckFailed", "TransactionConflict"])

    assert transact(busy, [put("A"), put("B")]) == {0: None}
    assert busy.calls == 1


def test_other_reasons_are_faults(client: Any) -> None:
    busy = Cancelling(client, ["ValidationError", "TransactionConflict"])

    with pytest.raises(ClientError):
        transact(busy, [put("A"), put("B")])
    assert busy.calls == 1


def test_an_error_that_is_no_cancellation_is_a_fault(client: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        transact(client, [{"Put": {"TableName": "nowhere", "Item": marshal({"pk": "A"})}}])


def test_patience_ends_after_eight_tries_and_a_second_and_a_half(client: Any) -> None:
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
