"""The order's decisions, each a plain function of the row and of the evidence in hand: the step to take, or None.

None means that there is nothing (more) to do: the caller reads the row's status and helps whoever was faster.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.kernel import clock
from services.kernel.rows import LEAVE_DUE_INDEX, Change, Row, due_at
from services.order import states
from services.order.states import TRANSITIONS

LEFT_DUE_INDEX = (*LEAVE_DUE_INDEX, "lease_owner", "lease_until")
"""What a row that has reached a terminal status loses, so that no sweeper finds it."""


class EvidenceMissing(AssertionError):
    """A step was asked for without what its guard demands: a bug in the caller."""


def decide_to_confirm(row: Row) -> Change | None:
    """O2: the compare-and-set that payment authorised and stock held allow."""
    return Change(TRANSITIONS["decide_to_confirm"]) if row["status"] == states.PENDING else None


def decide_to_cancel(row: Row, reason: str) -> Change | None:
    """O3: the same compare-and-set, the other way. The first reason stands."""
    return Change(TRANSITIONS["decide_to_cancel"], set={"reason": reason}) if row["status"] == states.PENDING else None


def refuse(row: Row, reason: str, payment: str) -> Change | None:
    """O3b: the one way back from CONFIRMING, with the gateway's refusal to capture in hand."""
    if payment != "CAPTURE_REFUSED":
        raise EvidenceMissing(f"only a payment CAPTURE_REFUSED turns a confirming order back, not {payment}")
    return Change(TRANSITIONS["refuse"], set={"reason": reason}) if row["status"] == states.CONFIRMING else None


def confirm(row: Row, payment: str, stock: str) -> Change | None:
    """O4: the money is captured and the stock committed."""
    if (payment, stock) != ("CAPTURED", "COMMITTED"):
        raise EvidenceMissing(f"an order is confirmed on CAPTURED and COMMITTED, not on {payment} and {stock}")
    if row["status"] != states.CONFIRMING:
        return None
    lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in row["lines"]]
    data = {"customer_id": row["customer_id"], "lines": lines, "total": row["total"]}
    return Change(TRANSITIONS["confirm"], remove=LEFT_DUE_INDEX, data=data)


def cancel(row: Row, payment: str, stock: str) -> Change | None:
    """O5: the money is let go and the stock is back."""
    if payment not in ("VOIDED", "DECLINED") or stock not in ("RELEASED", "RESTOCKED"):
        raise EvidenceMissing(f"an order is cancelled once money and stock are let go, not on {payment} and {stock}")
    if row["status"] != states.CANCELLING:
        return None
    return Change(TRANSITIONS["cancel"], remove=LEFT_DUE_INDEX, data=_cancelled(row, row["reason"], confirmed=False))


def ask_to_cancel(row: Row, reason: str, now: datetime) -> Change | None:
    """What a request to cancel does: before the decision it decides, after the confirmation it asks shipping, if it may."""
    if row["status"] != states.CONFIRMED:
        return decide_to_cancel(row, reason)
    if row["fulfilment"] != states.FULFILMENT[0]:
        return None
    data = {"customer_id": row["customer_id"], "reason": reason}
    return Change(TRANSITIONS["request_cancel"], set={"reason": reason, **_watched(row, now)}, data=data)


def revoke(row: Row, failure: str | None, now: datetime) -> Change | None:
    """The parcel will not go: asked for, or by the carrier's `failure`. From here on money and goods go back."""
    if row["status"] != states.CANCEL_REQUESTED and not (failure and row["status"] == states.CONFIRMED):
        return None
    reason = failure or row["reason"]
    return Change(
        TRANSITIONS["revoke"], set={"reason": reason, **_watched(row, now)}, data=_cancelled(row, reason, confirmed=True)
    )


def take_back(row: Row, what: str) -> Change | None:
    """Money (`refunded`) or goods (`restocked`) are back; the second of the two closes the order."""
    if row["status"] != states.REFUNDING or row.get(what):
        return None
    other = {"refunded": "restocked", "restocked": "refunded"}[what]
    if row.get(other):
        return Change(TRANSITIONS["close"], set={what: True}, remove=LEAVE_DUE_INDEX)
    return Change(TRANSITIONS["take_back"], set={what: True})


def mark_fulfilment(row: Row, reached: str) -> Change | None:
    """Move the fulfilment forward to `reached`, never back, whatever the order of arrival.

    A request to cancel came too late then: the order stays confirmed.
    """
    if row["status"] not in (states.CONFIRMED, states.CANCEL_REQUESTED):
        return None
    if states.FULFILMENT.index(reached) <= states.FULFILMENT.index(row["fulfilment"]):
        return None
    name = {"DISPATCHED": "mark_dispatched", "DELIVERED": "mark_delivered"}[reached]
    asked = ("reason", *LEAVE_DUE_INDEX) if row["status"] == states.CANCEL_REQUESTED else ()
    return Change(TRANSITIONS[name], set={"fulfilment": reached}, remove=asked, data={"customer_id": row["customer_id"]})


WATCHED_AFTER = timedelta(minutes=15)
"""How long a cancellation after the confirmation may take before its sweeper calls it stuck: the longest retry of a queue."""


def _watched(row: Row, now: datetime) -> Mapping[str, Any]:
    return due_at(row["order_id"], now + WATCHED_AFTER)


def _cancelled(row: Row, reason: str, *, confirmed: bool) -> Mapping[str, Any]:
    return {"customer_id": row["customer_id"], "reason": reason, "total": row["total"], "confirmed": confirmed}


def next_look(attempts: int, now: datetime) -> str:
    """When the sweeper looks again after its `attempts`-th attempt: the next sweep at first, at last in a quarter of an hour.

    50 s is above the lease and under the minute between sweeps: at 60 s every other sweep would come a moment too early.
    """
    return clock.rfc3339(now + timedelta(seconds=min(50 * 2 ** max(0, attempts - 5), 900)))
