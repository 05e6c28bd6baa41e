"""The gateway's books: one record for each (order, operation), made by one conditional write and never changed.

Beside them, `<operation>-keys` counts the idempotency keys that are spent: the one record that changes, and only upwards.
"""

from collections.abc import Mapping
from typing import Any

from kernel import clock
from kernel.aggregate_store import Row, marshal, unmarshal
from kernel.clients import AwsClient
from kernel.money import Money
from kernel.transactions import Action, transact
from services.payment.domain.gateway import (
    IdempotencyConflictError,
    Intent,
    NothingToRefundError,
    Refunded,
    RefundRefused,
    Settled,
)

OUTSIDE = "OUTSIDE"
"""The outcome of a refund that an operator paid in another way."""


class Ledger:
    """A table keyed by `pk`, the order id, and `sk`, the operation."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        self.client = client
        self.table_name = table_name

    def find(self, order_id: str, operation: str) -> Row | None:
        """Return the record by a consistent read, or None."""
        key = marshal({"pk": order_id, "sk": operation})
        answer = self.client.get_item(TableName=self.table_name, Key=key, ConsistentRead=True)
        return unmarshal(answer["Item"]) if "Item" in answer else None

    def write(self, *actions: Action) -> dict[int, Row | None]:
        """All of the actions, or nothing: those that refused it, by position, as `transact` has them."""
        return transact(self.client, list(actions))

    def record(self, order_id: str, operation: str, **attributes: object) -> Action:
        """Return the write that creates a record, refused if there is one."""
        recorded_at = clock.rfc3339(clock.now())
        return {
            "Put": {
                "TableName": self.table_name,
                "Item": marshal({"pk": order_id, "sk": operation, **attributes, "recorded_at": recorded_at}),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def check(self, order_id: str, operation: str, condition: str, values: dict[str, object] | None = None) -> Action:
        """Return the condition on another record in the same transaction."""
        check = {
            "TableName": self.table_name,
            "Key": marshal({"pk": order_id, "sk": operation}),
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return {"ConditionCheck": check | ({"ExpressionAttributeValues": marshal(values)} if values else {})}

    def void(self, order_id: str) -> bool:
        """Leave the record that refuses every later authorise and capture; False where the money is captured."""
        refused = self.write(
            self.record(order_id, "void", outcome="VOIDED"),
            self.check(order_id, "capture", "attribute_not_exists(pk) OR outcome <> :captured", {":captured": "CAPTURED"}),
        )
        return not (1 in refused and 0 not in refused)

    def spent_keys(self, order_id: str, operation: str) -> int:
        """Return how many idempotency keys of the operation have an answer that is no outcome."""
        found = self.find(order_id, f"{operation}-keys")
        return int(found["spent"]) if found else 0

    def spend_key(self, order_id: str, operation: str, spent: int) -> None:
        """Count one key more than the `spent` that the caller saw; nothing if another call has counted it."""
        record = self.record(order_id, f"{operation}-keys", outcome="SPENT", spent=spent + 1)
        record["Put"]["ConditionExpression"] += " OR spent = :seen"
        record["Put"]["ExpressionAttributeValues"] = marshal({":seen": spent})
        self.write(record)

    def refund(self, intent: Intent, attempt: int, **outcome: str) -> Row:
        """Record this outcome of an attempt at a refund, unless it has one; return the record that stands.

        Raises NothingToRefundError where the capture, or the refusal of the attempt before, is missing.
        """
        before, expected = ("capture", "CAPTURED") if attempt == 1 else (refund_of(attempt - 1), "REFUND_REFUSED")
        refused = self.write(
            self.record(intent.order_id, refund_of(attempt), **intent.total.as_dict(), **outcome),
            self.check(
                intent.order_id,
                before,
                "outcome = :expected AND amount = :amount AND currency = :currency",
                {":expected": expected, ":amount": intent.total.amount, ":currency": intent.total.currency},
            ),
        )
        if 0 in refused:
            return same_total(refused[0], intent.total)
        if refused:
            if refused[1] is not None and refused[1]["outcome"] == expected:
                same_total(refused[1], intent.total)
            raise NothingToRefundError(f"the {before} of {intent.order_id} is not {expected}, so nothing is refunded")
        return dict(outcome)


def refund_outcome(record: Mapping[str, Any]) -> Refunded | RefundRefused | Settled:
    """Return what a record of a refund says."""
    if record["outcome"] == OUTSIDE:
        return Settled(record["reference"])
    return RefundRefused(record["reason"]) if record["outcome"] == "REFUND_REFUSED" else Refunded()


def refund_of(attempt: int) -> str:
    """Return the ledger's name of a refund: `refund`, then `refund-2` ..."""
    return "refund" if attempt == 1 else f"refund-{attempt}"


def same_total(record: Row | None, total: Money) -> Row:
    """Return the record if it has this total. Raises IdempotencyConflictError."""
    assert record is not None
    if Money.from_dict(record) != total:
        raise IdempotencyConflictError(
            f"{record['sk']} of {record['pk']} is recorded with {Money.from_dict(record)}, not {total}"
        )
    return record


def covers(record: Row | None, total: Money) -> Row:
    """Return the record if it has this total or more. Raises IdempotencyConflictError."""
    assert record is not None
    aside = Money.from_dict(record)
    if aside.currency != total.currency or aside.amount < total.amount:
        raise IdempotencyConflictError(f"{record['sk']} of {record['pk']} is recorded with {aside}, less than {total}")
    return record
