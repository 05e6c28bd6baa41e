"""The payment's decisions: pure functions of an item and of the gateway's outcome. Each returns the step to take, or None.

None means that the item is past the step; its status then determines the answer.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal

from kernel import clock, seen_rows
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Causation, Decision, DueAttributes, due_at
from kernel.errors import BugError
from kernel.money import Money
from kernel.statements import PaymentStatement
from services.payment.domain import states
from services.payment.domain.gateway import (
    Authorized,
    Captured,
    CaptureRefused,
    Declined,
    Dispute,
    IdempotencyConflictError,
    Intent,
    OutsideRefund,
    Refunded,
    RefundRefused,
    Settled,
)
from services.payment.domain.model import (
    DisputeAttributes,
    DisputeDecision,
    DisputeRow,
    OutsideRefundDecision,
    OutsideRefundRow,
    PaymentAttributes,
    PaymentDecision,
    PaymentRow,
    Settlement,
)
from services.payment.domain.states import DISPUTES, OUTSIDE_REFUNDS, TRANSITIONS
from services.payment.schemas.models import (
    PaymentAuthorizedV1Data,
    PaymentCapturedV1Data,
    PaymentDeclinedV1Data,
    PaymentDisputeClosedV1Data,
    PaymentDisputedV1Data,
    PaymentFailedV1Data,
    PaymentRefundedOutsideV1Data,
    PaymentRefundedV1Data,
    PaymentRefundFailedV1Data,
    PaymentVoidedV1Data,
)

RECOVERY_ATTRIBUTES: Final = (*DUE_INDEX_ATTRIBUTES, "settlement")
"""The attributes to remove once the gateway has answered an attempt at a refund."""
SETTLEMENT_DELAY: Final = timedelta(minutes=15)
"""How long a settlement waits for requests that may still reach the gateway.

A proxy can deliver a request minutes after its caller gave up. Stripe then refunds, although the customer was paid outside.
"""


class NotAuthorizedError(BugError):
    """A caller requested the capture of a payment that was never authorised."""


def intend_authorize(row: PaymentRow | None, intent: Intent, correlation_id: str) -> PaymentDecision | None:
    """Record the authorisation that is about to be requested.

    Raises IdempotencyConflictError if the payment is of another total or token.
    """
    total = intent.total.as_dict()
    if row is None:
        attributes: PaymentAttributes = {
            "order_id": intent.order_id,
            "total": total,
            "payment_token": intent.payment_token,
            "correlation_id": correlation_id,
        }
        return Decision(TRANSITIONS["intend_authorize"], set=attributes)
    known = row.get("authorized", row.get("total", total))
    if known != total:
        raise IdempotencyConflictError(f"the payment of {intent.order_id} is of {known}, not of {total}")
    if row.get("payment_token", intent.payment_token) != intent.payment_token:
        raise IdempotencyConflictError(f"the payment of {intent.order_id} is by another payment token")
    return None


def record_authorization(row: PaymentRow, outcome: Authorized | Declined) -> PaymentDecision | None:
    """Record the gateway's answer, unless a void was requested meanwhile: then only the void counts."""
    if row["status"] != states.AUTHORIZING:
        return None
    if isinstance(outcome, Declined):
        return Decision(
            TRANSITIONS["decline"],
            set={"reason": outcome.reason},
            remove=DUE_INDEX_ATTRIBUTES,
            data=PaymentDeclinedV1Data(total=row["total"], reason=outcome.reason),
        )
    limits: PaymentAttributes = {}
    if outcome.at_least > 1:
        limits["at_least"] = outcome.at_least
    if outcome.multiple_of > 1:
        limits["multiple_of"] = outcome.multiple_of
    if outcome.capture_before:
        limits["capture_before"] = outcome.capture_before
    return Decision(TRANSITIONS["authorize"], set=limits, data=PaymentAuthorizedV1Data(total=row["total"]))


def intend_capture(row: PaymentRow | None, total: Money | None) -> PaymentDecision | None:
    """Record the capture that is about to be requested: of `total`, or of all that was authorised if that is None.

    From then on the item's `total` is the captured amount; if that is less, `authorized` is the authorised amount. Raises
    NotAuthorizedError, and IdempotencyConflictError for more than was authorised or for another total than before.
    """
    if row is None or row["status"] in (states.AUTHORIZING, states.DECLINED):
        status = row["status"] if row else "missing"
        raise NotAuthorizedError(f"a payment that is {status} cannot be captured; authorise it first")
    authorized = Money.from_dict(row["total"]) if "total" in row else None
    if total is None or total == authorized or row["status"] in (states.VOIDING, states.VOIDED):
        return Decision(TRANSITIONS["intend_capture"]) if row["status"] == states.AUTHORIZED else None
    is_part = authorized is not None and total.currency == authorized.currency and 0 < total.amount < authorized.amount
    if row["status"] != states.AUTHORIZED or not is_part:
        raise IdempotencyConflictError(f"the payment of {row['order_id']} is of {authorized}; {total} cannot be captured")
    return Decision(TRANSITIONS["intend_capture"], set={"total": total.as_dict(), "authorized": row["total"]})


def record_capture(row: PaymentRow, outcome: Captured | CaptureRefused) -> PaymentDecision | None:
    """Record the gateway's answer to the capture."""
    if row["status"] != states.CAPTURING:
        return None
    if isinstance(outcome, Captured):
        data = PaymentCapturedV1Data(total=row["total"])
        return Decision(TRANSITIONS["capture"], remove=DUE_INDEX_ATTRIBUTES, data=data)
    return Decision(
        TRANSITIONS["refuse_capture"],
        set={"reason": outcome.reason},
        data=PaymentFailedV1Data(total=row["total"], operation="capture", reason=outcome.reason),
    )


def intend_void(row: PaymentRow | None, order_id: str, correlation_id: str) -> PaymentDecision | None:
    """Record the void that is about to be requested. If there is no payment yet, the new item is its tombstone."""
    transition = TRANSITIONS["intend_void"]
    if row is None:
        attributes: PaymentAttributes = {"order_id": order_id, "correlation_id": correlation_id}
        return Decision(transition, set=attributes)
    return Decision(transition) if row["status"] in transition.sources else None


def record_void(row: PaymentRow) -> PaymentDecision | None:
    """Record that the gateway has released the money."""
    if row["status"] != states.VOIDING:
        return None
    data = PaymentVoidedV1Data(total=row["total"]) if "total" in row else PaymentVoidedV1Data()
    return Decision(TRANSITIONS["void"], remove=DUE_INDEX_ATTRIBUTES, data=data)


def intend_refund(row: PaymentRow, causation: Causation, now: datetime) -> PaymentDecision | None:
    """Record the refund that is about to be requested, due for the sweeper. None if nothing is captured."""
    if row["status"] != states.CAPTURED:
        return None
    return Decision(TRANSITIONS["intend_refund"], set=_attempt(row, 1, causation.causation_id, now))


def retry_refund(row: PaymentRow, causation: Causation, now: datetime) -> PaymentDecision | None:
    """Begin the next attempt at a refund that the gateway refused."""
    if row["status"] != states.REFUND_REFUSED:
        return None
    attempt = _attempt(row, row["refund_attempt"] + 1, causation.causation_id, now)
    return Decision(TRANSITIONS["retry_refund"], set=attempt, remove=("reason",))


def intend_settlement(row: PaymentRow, settlement: Settlement, causation: Causation, now: datetime) -> PaymentDecision | None:
    """Record that the customer was paid outside: from then on the gateway gets no request to pay. The first one stays."""
    if row["status"] not in (states.REFUNDING, states.REFUND_REFUSED) or "settlement" in row:
        return None
    is_refused = row["status"] == states.REFUND_REFUSED
    due = now if is_refused else now + SETTLEMENT_DELAY
    attempt = _attempt(row, row["refund_attempt"] + is_refused, causation.causation_id, due)
    return Decision(TRANSITIONS["intend_settlement"], set={"settlement": settlement, **attempt}, remove=("reason",))


def is_settlement_delayed(row: PaymentRow, now: datetime) -> bool:
    """Return whether a settlement still waits for calls to the gateway that may be under way."""
    return "settlement" in row and "next_due" in row and row["next_due"] > clock.rfc3339(now)


def record_refund(row: PaymentRow, attempt: int, outcome: Refunded | RefundRefused | Settled) -> PaymentDecision | None:
    """Record the gateway's answer to this attempt. An answer that comes after the next attempt began has no effect."""
    if row["status"] != states.REFUNDING or row["refund_attempt"] != attempt:
        return None
    match outcome:
        case Refunded():
            data = PaymentRefundedV1Data(total=row["total"])
            return Decision(TRANSITIONS["refund"], remove=RECOVERY_ATTRIBUTES, data=data)
        case Settled(reference):
            data = PaymentRefundedV1Data(total=row["total"], outcome="OUTSIDE", reference=reference)
            return Decision(TRANSITIONS["settle_refund"], remove=DUE_INDEX_ATTRIBUTES, data=data)
        case RefundRefused(reason):
            return Decision(
                TRANSITIONS["refuse_refund"],
                set={"reason": reason},
                remove=RECOVERY_ATTRIBUTES,
                data=PaymentRefundFailedV1Data(total=row["total"], reason=reason),
            )


def open_dispute(row: DisputeRow | None, order_id: str, dispute: Dispute) -> DisputeDecision | None:
    """Record that the customer contests the payment. None if that is recorded already."""
    if row is not None:
        return None
    data = PaymentDisputedV1Data(dispute_id=dispute.dispute_id, amount=dispute.amount.as_dict(), reason=dispute.reason)
    return Decision(DISPUTES["open"], set=_dispute_attributes(order_id, dispute), data=data)


def close_dispute(row: DisputeRow | None, order_id: str, dispute: Dispute) -> DisputeDecision | None:
    """Record the card network's decision."""
    if row is not None and row["status"] != states.OPEN:
        return None
    outcome: Literal["WON", "LOST"] = "WON" if dispute.won else "LOST"
    return Decision(
        DISPUTES["win" if dispute.won else "lose"],
        set=_dispute_attributes(order_id, dispute),
        data=PaymentDisputeClosedV1Data(dispute_id=dispute.dispute_id, amount=dispute.amount.as_dict(), outcome=outcome),
    )


def _dispute_attributes(order_id: str, dispute: Dispute) -> DisputeAttributes:
    return {
        "order_id": order_id,
        "dispute_id": dispute.dispute_id,
        "amount": dispute.amount.as_dict(),
        "reason": dispute.reason,
    }


def record_outside_refund(row: OutsideRefundRow | None, order_id: str, refund: OutsideRefund) -> OutsideRefundDecision | None:
    """Record a refund that was made at the gateway by hand, once."""
    if row is not None:
        return None
    refund_id, amount, left = refund.refund_id, refund.amount.as_dict(), refund.left.as_dict()
    return Decision(
        OUTSIDE_REFUNDS["record_outside_refund"],
        set={"order_id": order_id, "refund_id": refund_id, "amount": amount, "left": left},
        data=PaymentRefundedOutsideV1Data(refund_id=refund_id, amount=amount, left=left),
    )


def refund_causation(row: PaymentRow) -> Causation:
    """Return the causation of a refund's result: the event or command that requested this attempt."""
    return Causation(row["correlation_id"], row["refund_for"])


def _attempt(row: PaymentRow, number: int, causation_id: str, due: datetime) -> PaymentAttributes:
    return {"refund_attempt": number, "refund_for": causation_id, **_due(due_at(row["pk"], due))}


def _due(due: DueAttributes) -> PaymentAttributes:
    return {"due_shard": due["due_shard"], "next_due": due["next_due"]}


AFTER_AUTHORIZE: Final[Mapping[str, str]] = {
    states.AUTHORIZED: "AUTHORIZED",
    states.CAPTURING: "AUTHORIZED",
    states.CAPTURED: "AUTHORIZED",
    states.CAPTURE_REFUSED: "AUTHORIZED",
    **dict.fromkeys((states.REFUNDING, states.REFUNDED, states.REFUND_REFUSED), "AUTHORIZED"),
    states.DECLINED: "DECLINED",
    states.VOIDING: "VOIDED",
    states.VOIDED: "VOIDED",
}
"""The outcome of an authorise, by the status. It stays AUTHORIZED after later steps; a void, begun or done, is final."""
AFTER_CAPTURE: Final[Mapping[str, str]] = {
    states.CAPTURED: "CAPTURED",
    **dict.fromkeys((states.REFUNDING, states.REFUNDED, states.REFUND_REFUSED), "CAPTURED"),
    states.CAPTURE_REFUSED: "CAPTURE_REFUSED",
    states.VOIDING: "VOIDED",
    states.VOIDED: "VOIDED",
}
AFTER_VOID: Final[Mapping[str, str]] = {
    states.VOIDED: "VOIDED",
    states.DECLINED: "DECLINED",
    **dict.fromkeys((states.CAPTURED, states.REFUNDING, states.REFUNDED, states.REFUND_REFUSED), "CAPTURED"),
}
AFTER_REFUND: Final[Mapping[str, str]] = {
    status: status for status in (states.REFUNDING, states.REFUNDED, states.REFUND_REFUSED)
}


def answer(row: PaymentRow, outcomes: Mapping[str, str]) -> PaymentStatement:
    """Return the outcome of the item's status, with the `reason` of a refusal.

    AUTHORIZED comes with `at_least`, `multiple_of` and `capture_before`, if the gateway stated them. A payment that may still
    be captured or voided comes with its row.
    """
    stated: PaymentStatement = {"outcome": outcomes[row["status"]]}
    if row["status"] == states.AUTHORIZED:
        stated["seen"] = seen_rows.text_of(row)
    if stated["outcome"] == "AUTHORIZED":
        if "at_least" in row:
            stated["at_least"] = row["at_least"]
        if "multiple_of" in row:
            stated["multiple_of"] = row["multiple_of"]
        if "capture_before" in row:
            stated["capture_before"] = row["capture_before"]
    elif stated["outcome"] in ("DECLINED", "CAPTURE_REFUSED", states.REFUND_REFUSED):
        stated["reason"] = row["reason"]
    return stated
