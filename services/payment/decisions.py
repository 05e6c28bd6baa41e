"""The payment's decisions, each a plain function of the row and of the gateway's outcome: the step to take, or None.

None means that the row is already past the step; its status then says what to answer.
"""

from typing import Any

from services.kernel.rows import Change, Row
from services.payment import states
from services.payment.gateway import Authorized, Captured, CaptureRefused, Declined, IdempotencyConflict, Intent
from services.payment.states import TRANSITIONS

Answer = dict[str, Any]


class NotAuthorized(AssertionError):
    """A capture was asked for of a payment that was never authorised: a bug in the caller."""


def intend_authorize(row: Row | None, intent: Intent, correlation_id: str) -> Change | None:
    """Write down what is about to be authorised. Raises IdempotencyConflict for another total than before."""
    total = intent.total.as_dict()
    if row is None:
        attributes = {"order_id": intent.order_id, "total": total, "payment_token": intent.payment_token}
        return Change(TRANSITIONS["intend_authorize"], set={**attributes, "correlation_id": correlation_id})
    if row.get("total", total) != total:
        raise IdempotencyConflict(f"the payment of {intent.order_id} is of {row['total']}, not of {total}")
    return None


def record_authorization(row: Row | None, outcome: Authorized | Declined) -> Change | None:
    """Keep the gateway's answer, unless a void was intended meanwhile: then only the void counts."""
    if row is None or row["status"] != states.AUTHORIZING:
        return None
    if isinstance(outcome, Authorized):
        return Change(TRANSITIONS["authorize"], data={"total": row["total"]})
    told = {"reason": outcome.reason}
    return Change(TRANSITIONS["decline"], set=told, data={"total": row["total"], **told})


def intend_capture(row: Row | None) -> Change | None:
    """Write down that the capture is about to be asked for. Raises NotAuthorized."""
    status = row["status"] if row else "not there"
    if status in ("not there", states.AUTHORIZING, states.DECLINED):
        raise NotAuthorized(f"a payment that is {status} cannot be captured")
    return Change(TRANSITIONS["intend_capture"]) if status == states.AUTHORIZED else None


def record_capture(row: Row | None, outcome: Captured | CaptureRefused) -> Change | None:
    """Keep the gateway's answer."""
    if row is None or row["status"] != states.CAPTURING:
        return None
    if isinstance(outcome, Captured):
        return Change(TRANSITIONS["capture"], data={"total": row["total"]})
    told = {"reason": outcome.reason}
    data = {"total": row["total"], "operation": "capture", **told}
    return Change(TRANSITIONS["refuse_capture"], set=told, data=data)


def intend_void(row: Row | None, order_id: str, correlation_id: str) -> Change | None:
    """Write down that the void is about to be asked for; where there is no payment yet, this is its tombstone."""
    transition = TRANSITIONS["intend_void"]
    if row is None:
        return Change(transition, set={"order_id": order_id, "correlation_id": correlation_id})
    return Change(transition) if row["status"] in transition.sources else None


def record_void(row: Row | None) -> Change | None:
    """Keep that the gateway has let go."""
    if row is None or row["status"] != states.VOIDING:
        return None
    return Change(TRANSITIONS["void"], data={"total": row["total"]} if "total" in row else {})


AFTER_AUTHORIZE = {
    states.AUTHORIZED: "AUTHORIZED",
    states.CAPTURING: "AUTHORIZED",
    states.CAPTURED: "AUTHORIZED",
    states.CAPTURE_REFUSED: "AUTHORIZED",
    states.DECLINED: "DECLINED",
    states.VOIDING: "VOIDED",
    states.VOIDED: "VOIDED",
}
"""What an authorise answers: once authorised, what came after it is decided elsewhere; a void, begun or done, is final."""
AFTER_CAPTURE = {
    states.CAPTURED: "CAPTURED",
    states.CAPTURE_REFUSED: "CAPTURE_REFUSED",
    states.VOIDING: "VOIDED",
    states.VOIDED: "VOIDED",
}
AFTER_VOID = {states.VOIDED: "VOIDED", states.DECLINED: "DECLINED", states.CAPTURED: "CAPTURED"}


def answer(row: Row, outcomes: dict[str, str]) -> Answer:
    """`{"outcome": ...}` for the row's status, with the `reason` of a refusal."""
    outcome = outcomes[row["status"]]
    return {"outcome": outcome, "reason": row["reason"]} if outcome in ("DECLINED", "CAPTURE_REFUSED") else {"outcome": outcome}
