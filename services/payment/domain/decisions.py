"""The payment's decisions, each a plain function of the row and of the gateway's outcome: the step to take, or None.

None means that the row is already past the step; its status then says what to answer.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kernel import clock
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Causation, Decision, Row, due_at
from kernel.errors import BugError
from kernel.money import Money
from kernel.orphans import unsettled
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
from services.payment.domain.states import DISPUTES, OUTSIDE_REFUNDS, TRANSITIONS

Answer = dict[str, Any]
NO_MORE_DUE = (*DUE_INDEX_ATTRIBUTES, "settlement")
"""The attributes that a row loses once the gateway has answered an attempt at its refund."""


class NotAuthorizedError(BugError):
    """A capture of a payment that was never authorised: a bug in the caller."""


def intend_authorize(row: Row | None, intent: Intent, correlation_id: str, now: datetime) -> Decision | None:
    """Write down what is about to be authorised. Raises IdempotencyConflictError for another total or token than before."""
    total = intent.total.as_dict()
    if row is None:
        attributes = {"order_id": intent.order_id, "total": total, "payment_token": intent.payment_token}
        due = unsettled(f"{TRANSITIONS.aggregate}#{intent.order_id}", now)
        return Decision(TRANSITIONS["intend_authorize"], set={**attributes, "correlation_id": correlation_id, **due})
    known = row.get("authorized", row.get("total", total))
    if known != total:
        raise IdempotencyConflictError(f"the payment of {intent.order_id} is of {known}, not of {total}")
    if row.get("payment_token", intent.payment_token) != intent.payment_token:
        raise IdempotencyConflictError(f"the payment of {intent.order_id} is by another payment token")
    return None


def record_authorization(row: Row | None, outcome: Authorized | Declined) -> Decision | None:
    """Keep the gateway's answer, unless a void was intended meanwhile: then only the void counts."""
    if row is None or row["status"] != states.AUTHORIZING:
        return None
    if isinstance(outcome, Authorized):
        until = {"capture_before": outcome.capture_before} if outcome.capture_before else {}
        least = {"at_least": outcome.at_least} if outcome.at_least > 1 else {}
        return Decision(TRANSITIONS["authorize"], set={**least, **until}, data={"total": row["total"]})
    told = {"reason": outcome.reason}
    return Decision(TRANSITIONS["decline"], set=told, remove=DUE_INDEX_ATTRIBUTES, data={"total": row["total"], **told})


def intend_capture(row: Row | None, total: Money | None) -> Decision | None:
    """Write down that the capture is about to be asked for: of the total that is given, or of all that was authorised.

    The row's `total` is from then on what is captured; where that is less, `authorized` is what was authorised.
    Raises NotAuthorizedError, and IdempotencyConflictError for more than that, or another total than before.
    """
    status = row["status"] if row else "not there"
    if status in ("not there", states.AUTHORIZING, states.DECLINED):
        raise NotAuthorizedError(f"a payment that is {status} cannot be captured")
    assert row is not None
    authorized = Money.from_dict(row["total"]) if "total" in row else None
    if total is None or total == authorized or status in (states.VOIDING, states.VOIDED):
        return Decision(TRANSITIONS["intend_capture"]) if status == states.AUTHORIZED else None
    assert authorized is not None
    if status != states.AUTHORIZED or total.currency != authorized.currency or not 0 < total.amount < authorized.amount:
        raise IdempotencyConflictError(f"the payment of {row['order_id']} is of {authorized}; {total} cannot be captured")
    return Decision(TRANSITIONS["intend_capture"], set={"total": total.as_dict(), "authorized": row["total"]})


def record_capture(row: Row | None, outcome: Captured | CaptureRefused) -> Decision | None:
    """Keep the gateway's answer."""
    if row is None or row["status"] != states.CAPTURING:
        return None
    if isinstance(outcome, Captured):
        return Decision(TRANSITIONS["capture"], remove=DUE_INDEX_ATTRIBUTES, data={"total": row["total"]})
    told = {"reason": outcome.reason}
    data = {"total": row["total"], "operation": "capture", **told}
    return Decision(TRANSITIONS["refuse_capture"], set=told, data=data)


def intend_void(row: Row | None, order_id: str, correlation_id: str, now: datetime) -> Decision | None:
    """Write down that the void is about to be asked for; where there is no payment yet, this is its tombstone."""
    transition = TRANSITIONS["intend_void"]
    if row is None:
        due = unsettled(f"{TRANSITIONS.aggregate}#{order_id}", now)
        return Decision(transition, set={"order_id": order_id, "correlation_id": correlation_id, **due})
    return Decision(transition) if row["status"] in transition.sources else None


def record_void(row: Row | None) -> Decision | None:
    """Record that the gateway has voided the payment."""
    if row is None or row["status"] != states.VOIDING:
        return None
    return Decision(TRANSITIONS["void"], remove=DUE_INDEX_ATTRIBUTES, data={"total": row["total"]} if "total" in row else {})


def intend_refund(row: Row | None, cause: Causation, now: datetime) -> Decision | None:
    """Write down that the refund is about to be asked for, and let the sweeper see to it; None of what was never captured."""
    if row is None or row["status"] != states.CAPTURED:
        return None
    return Decision(TRANSITIONS["intend_refund"], set=_attempt(row, 1, cause.causation_id, now))


def retry_refund(row: Row | None, cause: Causation, now: datetime) -> Decision | None:
    """Attempt a refused refund anew."""
    if row is None or row["status"] != states.REFUND_REFUSED:
        return None
    attempt = _attempt(row, row["refund_attempt"] + 1, cause.causation_id, now)
    return Decision(TRANSITIONS["retry_refund"], set=attempt, remove=("reason",))


SETTLED_AFTER = timedelta(minutes=1)
"""How long a settlement waits for calls to the gateway that may be under way: above the time-out of each function."""


def intend_settlement(row: Row | None, settlement: Mapping[str, str], cause: Causation, now: datetime) -> Decision | None:
    """Write down that the customer was paid outside: from here on the gateway is not asked to pay. The first word stands."""
    if row is None or row["status"] not in (states.REFUNDING, states.REFUND_REFUSED) or "settlement" in row:
        return None
    refused = row["status"] == states.REFUND_REFUSED
    when = now if refused else now + SETTLED_AFTER
    attempt = _attempt(row, row["refund_attempt"] + refused, cause.causation_id, when)
    return Decision(TRANSITIONS["intend_settlement"], set={"settlement": dict(settlement), **attempt}, remove=("reason",))


def is_settling_later(row: Row, now: datetime) -> bool:
    """Return whether a settlement waits for what may be under way to the gateway."""
    return "settlement" in row and "next_due" in row and row["next_due"] > clock.rfc3339(now)


def record_refund(row: Row | None, attempt: int, outcome: Refunded | RefundRefused | Settled) -> Decision | None:
    """Keep the gateway's answer to this attempt; one that comes after the next attempt began is of no more use."""
    if row is None or row["status"] != states.REFUNDING or row["refund_attempt"] != attempt:
        return None
    if isinstance(outcome, Refunded):
        return Decision(TRANSITIONS["refund"], remove=NO_MORE_DUE, data={"total": row["total"]})
    if isinstance(outcome, Settled):
        outside = {"outcome": "OUTSIDE", "reference": outcome.reference}
        return Decision(TRANSITIONS["settle_refund"], remove=DUE_INDEX_ATTRIBUTES, data={"total": row["total"], **outside})
    told = {"reason": outcome.reason}
    return Decision(TRANSITIONS["refuse_refund"], set=told, remove=NO_MORE_DUE, data={"total": row["total"], **told})


def open_dispute(row: Row | None, order_id: str, dispute: Dispute) -> Decision | None:
    """Record a dispute of the payment. Return None if it is known, or over."""
    if row is not None:
        return None
    told = _told(dispute)
    return Decision(DISPUTES["open"], set={"order_id": order_id, **told}, data=told)


def close_dispute(row: Row | None, order_id: str, dispute: Dispute) -> Decision | None:
    """Record the decision of the card network on a dispute."""
    if row is not None and row["status"] != states.OPEN:
        return None
    end, told = DISPUTES["win" if dispute.won else "lose"], _told(dispute)
    data = {"dispute_id": told["dispute_id"], "amount": told["amount"], "outcome": end.target}
    return Decision(end, set={"order_id": order_id, **told}, data=data)


def record_outside_refund(row: Row | None, order_id: str, refund: OutsideRefund) -> Decision | None:
    """Record a refund that was made at the gateway by hand, once."""
    if row is not None:
        return None
    data = {"refund_id": refund.refund_id, "amount": refund.amount.as_dict(), "left": refund.left.as_dict()}
    return Decision(OUTSIDE_REFUNDS["record_outside_refund"], set={"order_id": order_id, **data}, data=data)


def _told(dispute: Dispute) -> dict[str, object]:
    return {"dispute_id": dispute.dispute_id, "amount": dispute.amount.as_dict(), "reason": dispute.reason}


def refund_cause(row: Row) -> Causation:
    """Return the cause of a refund's result: the request for its attempt."""
    return Causation(row["correlation_id"], row["refund_for"])


def _attempt(row: Row, number: int, asked_by: str, now: datetime) -> dict[str, object]:
    return {"refund_attempt": number, "refund_for": asked_by, **due_at(row["pk"], now)}


AFTER_AUTHORIZE = {
    states.AUTHORIZED: "AUTHORIZED",
    states.CAPTURING: "AUTHORIZED",
    states.CAPTURED: "AUTHORIZED",
    states.CAPTURE_REFUSED: "AUTHORIZED",
    **dict.fromkeys((states.REFUNDING, states.REFUNDED, states.REFUND_REFUSED), "AUTHORIZED"),
    states.DECLINED: "DECLINED",
    states.VOIDING: "VOIDED",
    states.VOIDED: "VOIDED",
}
"""The answers of an authorise: once authorised, later steps are decided elsewhere; a void, begun or done, is final."""
AFTER_CAPTURE = {
    states.CAPTURED: "CAPTURED",
    **dict.fromkeys((states.REFUNDING, states.REFUNDED, states.REFUND_REFUSED), "CAPTURED"),
    states.CAPTURE_REFUSED: "CAPTURE_REFUSED",
    states.VOIDING: "VOIDED",
    states.VOIDED: "VOIDED",
}
AFTER_VOID = {
    states.VOIDED: "VOIDED",
    states.DECLINED: "DECLINED",
    **dict.fromkeys((states.CAPTURED, states.REFUNDING, states.REFUNDED, states.REFUND_REFUSED), "CAPTURED"),
}
AFTER_REFUND = {status: status for status in (states.REFUNDING, states.REFUNDED, states.REFUND_REFUSED)}


def answer(row: Row, outcomes: dict[str, str]) -> Answer:
    """`{"outcome": ...}` for the row's status, with the `reason` of a refusal.

    AUTHORIZED comes with `at_least`, the least that can be captured of it, and `capture_before`, if the gateway says so.
    """
    outcome = outcomes[row["status"]]
    if outcome == "AUTHORIZED":
        return {"outcome": outcome, **{name: row[name] for name in ("at_least", "capture_before") if name in row}}
    refused = ("DECLINED", "CAPTURE_REFUSED", states.REFUND_REFUSED)
    return {"outcome": outcome, "reason": row["reason"]} if outcome in refused else {"outcome": outcome}
