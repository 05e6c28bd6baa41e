"""A gateway of our own, for the laptop, tests and stages without real money: its ledger can be audited.

The ledger has one record for each (order, operation), made by one conditional write and never changed. Where an operation
excludes another, the same transaction checks that the other's record is not there. The payment token drives the outcome:

| token | outcome |
|---|---|
| `pm_card_visa` | authorised, captured |
| `pm_card_declined` | declined, `card_declined` |
| `pm_card_insufficient_funds` | declined, `insufficient_funds` |
| `pm_card_capture_refused` | authorised, its capture refused, `capture_refused` |
| `pm_card_refund_refused` | captured, its refund refused, `refund_refused`, when first attempted |
| `pm_card_slow` | authorised, but the first answer is lost (GatewayTimeout) |
| `pm_card_unavailable` | never authorised: always GatewayUnavailable |
| any other | declined, `unknown_payment_token` |
"""

from typing import Any, Final

from services.kernel import clock
from services.kernel.money import Money
from services.kernel.rows import Row, marshal
from services.kernel.transactions import Action, transact
from services.payment.gateway import (
    Authorized,
    Captured,
    CaptureRefused,
    Declined,
    GatewayFault,
    GatewayTimeout,
    GatewayUnavailable,
    IdempotencyConflict,
    Intent,
    Refunded,
    RefundRefused,
    Voided,
)

SLOW: Final = "pm_card_slow"
UNAVAILABLE: Final = "pm_card_unavailable"
CAPTURE_REFUSED: Final = "pm_card_capture_refused"
REFUND_REFUSED: Final = "pm_card_refund_refused"
ACCEPTED: Final = frozenset({"pm_card_visa", CAPTURE_REFUSED, REFUND_REFUSED, SLOW})
DECLINED: Final = {"pm_card_declined": "card_declined", "pm_card_insufficient_funds": "insufficient_funds"}


class NothingAuthorized(GatewayFault):
    """A capture of an order that has no authorisation yet."""


class NothingToRefund(GatewayFault):
    """A refund of what is not captured, or a further attempt while the last is not refused."""


class SandboxGateway:
    """A `PaymentGateway` on a DynamoDB table keyed by `pk`, the order id, and `sk`, the operation."""

    def __init__(self, client: Any, table_name: str) -> None:
        self.client = client
        self.table_name = table_name

    def authorize(self, intent: Intent) -> Authorized | Declined | Voided:
        """Set the total aside, or decline, as the token says."""
        if intent.payment_token == UNAVAILABLE:
            raise GatewayUnavailable("the sandbox is unavailable to this token")
        outcome: dict[str, Any] = {"outcome": "AUTHORIZED"}
        if intent.payment_token not in ACCEPTED:
            outcome = {"outcome": "DECLINED", "reason": DECLINED.get(intent.payment_token, "unknown_payment_token")}
        refused = self._write(
            self._record(intent.order_id, "authorize", **intent.total.as_dict(), **outcome),
            self._check(intent.order_id, "void", "attribute_not_exists(pk)"),
        )
        if 0 in refused:
            outcome = _same_total(refused[0], intent.total)
        elif refused:
            return Voided()
        elif intent.payment_token == SLOW:
            raise GatewayTimeout("the sandbox recorded the authorisation and lost its answer, as this token asks")
        return Declined(outcome["reason"]) if outcome["outcome"] == "DECLINED" else Authorized()

    def capture(self, intent: Intent) -> Captured | CaptureRefused:
        """Take what was authorised, unless it was voided or the token says otherwise. Raises NothingAuthorized too."""
        outcome: dict[str, Any] = {"outcome": "CAPTURED"}
        if intent.payment_token == CAPTURE_REFUSED:
            outcome = {"outcome": "CAPTURE_REFUSED", "reason": "capture_refused"}
        refused = self._write(
            self._record(intent.order_id, "capture", **intent.total.as_dict(), **outcome),
            self._check(
                intent.order_id,
                "authorize",
                "outcome = :authorized AND amount = :amount AND currency = :currency",
                {":authorized": "AUTHORIZED", ":amount": intent.total.amount, ":currency": intent.total.currency},
            ),
            self._check(intent.order_id, "void", "attribute_not_exists(pk)"),
        )
        if 0 in refused:
            outcome = _same_total(refused[0], intent.total)
        elif 2 in refused:
            return CaptureRefused("voided")
        elif 1 in refused:
            if refused[1] is None:
                raise NothingAuthorized(f"nothing is authorised for {intent.order_id}")
            _same_total(refused[1], intent.total)
            return CaptureRefused("not_authorized")
        return CaptureRefused(outcome["reason"]) if outcome["outcome"] == "CAPTURE_REFUSED" else Captured()

    def void(self, order_id: str) -> Voided | Captured:
        """Leave the record that refuses every later authorise and capture, unless the money is captured."""
        refused = self._write(
            self._record(order_id, "void", outcome="VOIDED"),
            self._check(order_id, "capture", "attribute_not_exists(pk) OR outcome <> :captured", {":captured": "CAPTURED"}),
        )
        return Captured() if 1 in refused and 0 not in refused else Voided()

    def refund(self, intent: Intent, attempt: int) -> Refunded | RefundRefused:
        """Give back what was captured, unless the token says otherwise. Raises NothingToRefund too."""
        outcome: dict[str, Any] = {"outcome": "REFUNDED"}
        if intent.payment_token == REFUND_REFUSED and attempt == 1:
            outcome = {"outcome": "REFUND_REFUSED", "reason": "refund_refused"}
        before, expected = ("capture", "CAPTURED") if attempt == 1 else (refund_of(attempt - 1), "REFUND_REFUSED")
        refused = self._write(
            self._record(intent.order_id, refund_of(attempt), **intent.total.as_dict(), **outcome),
            self._check(
                intent.order_id,
                before,
                "outcome = :expected AND amount = :amount AND currency = :currency",
                {":expected": expected, ":amount": intent.total.amount, ":currency": intent.total.currency},
            ),
        )
        if 0 in refused:
            outcome = _same_total(refused[0], intent.total)
        elif refused:
            raise NothingToRefund(f"the {before} of {intent.order_id} is not {expected}, so nothing is refunded")
        return RefundRefused(outcome["reason"]) if outcome["outcome"] == "REFUND_REFUSED" else Refunded()

    def _write(self, *actions: Action) -> dict[int, Row | None]:
        return transact(self.client, list(actions))

    def _record(self, order_id: str, operation: str, **attributes: Any) -> Action:
        recorded_at = clock.rfc3339(clock.now())
        return {
            "Put": {
                "TableName": self.table_name,
                "Item": marshal({"pk": order_id, "sk": operation, **attributes, "recorded_at": recorded_at}),
                "ConditionExpression": "attribute_not_exists(pk)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _check(self, order_id: str, operation: str, condition: str, values: dict[str, Any] | None = None) -> Action:
        check = {
            "TableName": self.table_name,
            "Key": marshal({"pk": order_id, "sk": operation}),
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return {"ConditionCheck": check | ({"ExpressionAttributeValues": marshal(values)} if values else {})}


def refund_of(attempt: int) -> str:
    """The ledger's name of a refund: `refund`, then `refund-2` ..."""
    return "refund" if attempt == 1 else f"refund-{attempt}"


def _same_total(record: Row | None, total: Money) -> Row:
    """The record, if it is of this total."""
    assert record is not None
    if Money.from_dict(record) != total:
        raise IdempotencyConflict(f"{record['sk']} of {record['pk']} is recorded with {Money.from_dict(record)}, not {total}")
    return record
