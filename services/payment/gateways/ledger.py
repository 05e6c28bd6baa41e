"""The gateway's ledger: one record for each (order, operation), made by one conditional write and never changed.

Beside them, `<operation>-keys` counts the spent idempotency keys: the only record that changes, and only upwards.
"""

from collections.abc import Mapping
from typing import Final, TypedDict, Unpack, cast

from kernel import clock
from kernel.aggregate_store import Write, marshal, unmarshal
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

OUTSIDE: Final = "OUTSIDE"
"""The outcome of a refund that an operator paid in another way."""


class Outcome(TypedDict, total=False):
    """An operation's outcome: `outcome`, with the `reason` of a refusal or the `reference` of a proof or PaymentIntent."""

    outcome: str
    reason: str
    reference: str
    capture_before: str


class RecordAttributes(Outcome, total=False):
    """The outcome of an operation, and its total as `amount` (in minor units) and `currency`."""

    amount: int
    currency: str
    spent: int
    """The number of spent idempotency keys of an operation."""


class Record(RecordAttributes, total=False):
    """A record as DynamoDB keeps it: `pk` is the order's id, `sk` the operation."""

    pk: str
    sk: str
    recorded_at: str


class Ledger:
    """The table of the records, keyed by `pk`, the order's id, and `sk`, the operation."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        self.client = client
        self.table_name = table_name

    def find(self, order_id: str, operation: str) -> Record | None:
        """Return the record, read consistently, or None if there is none."""
        key = marshal({"pk": order_id, "sk": operation})
        answer = self.client.get_item(TableName=self.table_name, Key=key, ConsistentRead=True)
        return cast(Record, unmarshal(answer["Item"])) if "Item" in answer else None

    def write(self, *actions: Action) -> dict[int, Record]:
        """Write all of the actions, or nothing; return the actions that refused it by their conditions.

        They are by position, each with the record as it is, which is empty if there is none.
        """
        refused = transact(self.client, list(actions))
        return {position: cast(Record, row or {}) for position, row in refused.items()}

    def record(self, order_id: str, operation: str, **attributes: Unpack[RecordAttributes]) -> Action:
        """Return the action that makes a record, unless there is one."""
        recorded_at = clock.rfc3339(clock.now())
        return {
            "Put": {
                "TableName": self.table_name,
                "Item": marshal({"pk": order_id, "sk": operation, **attributes, "recorded_at": recorded_at}),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def check(self, order_id: str, operation: str, condition: str, values: Mapping[str, object] | None = None) -> Action:
        """Return the action that requires a condition of another record in the same transaction."""
        check: Write = {
            "TableName": self.table_name,
            "Key": marshal({"pk": order_id, "sk": operation}),
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            check["ExpressionAttributeValues"] = marshal(values)
        return {"ConditionCheck": check}

    def void(self, order_id: str) -> bool:
        """Make the record that refuses every later authorise and capture; return False if the money is captured."""
        refused = self.write(
            self.record(order_id, "void", outcome="VOIDED"),
            self.check(order_id, "capture", "attribute_not_exists(pk) OR outcome <> :captured", {":captured": "CAPTURED"}),
        )
        return not (1 in refused and 0 not in refused)

    def spent_keys(self, order_id: str, operation: str) -> int:
        """Return how many idempotency keys of the operation have an answer that is no outcome."""
        found = self.find(order_id, f"{operation}-keys")
        return found["spent"] if found else 0

    def spend_key(self, order_id: str, operation: str, spent: int) -> None:
        """Count one key more than the `spent` that the caller saw; no effect if another call has counted it."""
        record = self.record(order_id, f"{operation}-keys", outcome="SPENT", spent=spent + 1)
        record["Put"]["ConditionExpression"] += " OR spent = :seen"
        record["Put"]["ExpressionAttributeValues"] = marshal({":seen": spent})
        self.write(record)

    def refund(self, intent: Intent, attempt: int, outcome: Outcome) -> Refunded | RefundRefused | Settled:
        """Record this outcome of an attempt at a refund, unless it has one; return the outcome that is recorded.

        Raises NothingToRefundError if the capture, or the refusal of the attempt before, is missing.
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
            return refund_outcome(require_same_total(refused[0], intent.total))
        if refused:
            if refused[1].get("outcome") == expected:
                require_same_total(refused[1], intent.total)
            raise NothingToRefundError(f"the {before} of {intent.order_id} is not {expected}, so nothing is refunded")
        return refund_outcome(outcome)


def refund_outcome(record: Outcome) -> Refunded | RefundRefused | Settled:
    """Return the outcome that a record of a refund says."""
    if record["outcome"] == OUTSIDE:
        return Settled(record["reference"])
    return RefundRefused(record["reason"]) if record["outcome"] == "REFUND_REFUSED" else Refunded()


def refund_of(attempt: int) -> str:
    """Return the operation of an attempt at a refund: `refund`, then `refund-2` ..."""
    return "refund" if attempt == 1 else f"refund-{attempt}"


def require_same_total(record: Record, total: Money) -> Record:
    """Return the record if it has this total. Raises IdempotencyConflictError."""
    if Money.from_dict(record) != total:
        raise IdempotencyConflictError(
            f"{record['sk']} of {record['pk']} is recorded with {Money.from_dict(record)}, not {total}"
        )
    return record


def require_at_least(record: Record, total: Money) -> Record:
    """Return the record if it has this total or more. Raises IdempotencyConflictError."""
    recorded = Money.from_dict(record)
    if recorded.currency != total.currency or recorded.amount < total.amount:
        raise IdempotencyConflictError(f"{record['sk']} of {record['pk']} is recorded with {recorded}, less than {total}")
    return record
