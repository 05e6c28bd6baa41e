"""The order's decisions, each a plain function of the row and of the evidence in hand: the step to take, or None.

None means that there is nothing (more) to do: the caller reads the row's status and helps whoever was faster.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from kernel import clock
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Decision, Row, due_at
from kernel.errors import BugError, RetryableError
from services.order.domain import states
from services.order.domain.states import TRANSITIONS

Evidence = Mapping[str, Any]
"""What another service answered: its `outcome`, and what belongs to that."""
NO_STATEMENT: Evidence = MappingProxyType({})
FIRST_SWEEP_AFTER = timedelta(seconds=60)
"""How long a run of the saga is left alone before its sweeper looks: above the workflow's whole time budget."""
HOLD_MARGIN = timedelta(hours=2)
"""How long before its money is set aside no more a back-order expires: above the time between two looks at it."""
BACKORDER_POLL_INTERVAL = timedelta(minutes=15)
"""How often a sweeper asks for the stock of a back-order, should the event that tells of it be lost."""
REJECT, ALLOW_PARTIAL, BACK_ORDER = "REJECT", "ALLOW_PARTIAL", "BACK_ORDER"
"""What a customer wants `if_short`: no order, what there is, or to wait for all of it. Inventory knows the same words."""
OUT_OF_STOCK = "OUT_OF_STOCK"
UNAVAILABLE = frozenset({"PAYMENT_UNAVAILABLE", "INVENTORY_UNAVAILABLE"})
"""Reasons of an order whose try got no answer."""
REFUSALS: Mapping[str, str] = {
    "DECLINED": "PAYMENT_DECLINED",
    "VOIDED": "PAYMENT_VOIDED",
    "REJECTED": OUT_OF_STOCK,
    "RELEASED": "STOCK_RELEASED",
    "RESTOCKED": "STOCK_RELEASED",
}
"""The reason of a cancellation, by the outcome that payment or inventory answered."""
REFUSALS_OF_PAYMENT = frozenset({"DECLINED", "VOIDED"})
"""The outcomes among these that payment answers; inventory answers the others."""

LEASE = ("lease_owner", "lease_until", "tried_at", "unavailable")
"""What a try of the sweeper leaves on a row."""
RECOVERY_ATTRIBUTES = (*DUE_INDEX_ATTRIBUTES, *LEASE)
"""What a row that has reached a terminal status loses, so that no sweeper finds it."""


@dataclass(frozen=True)
class Limits:
    """How long after it was placed or resumed an undecided order expires, and one that waits for stock, by a try in vain."""

    undecided: timedelta
    back_ordered: timedelta


class EvidenceMissingError(BugError):
    """A step was asked for without what its guard demands: a bug in the caller."""


def original_order(row: Row) -> Mapping[str, Any]:
    """The order's `lines` and `total` as they were ordered, whatever it is for since its decision."""
    ordered: Mapping[str, Any] = row.get("ordered", row)
    return ordered


def decide_to_confirm(row: Row, stock: Evidence, now: datetime, payment: Evidence = NO_STATEMENT) -> Decision | None:
    """O2: the compare-and-set that payment authorised and stock held allow.

    Where less is held than was ordered, `lines` and `total` become what is held, and `ordered` keeps what they were. If what is
    held costs less than the gateway captures (`at_least` of the payment's answer), an order that costs more is out of stock.
    Raises EvidenceMissingError, also where more is held of some SKU than was ordered.
    """
    if row["status"] not in states.UNDECIDED:
        return None
    if payment.get("outcome") != "AUTHORIZED":
        raise EvidenceMissingError(f"an order is confirmed on payment AUTHORIZED, not on {payment.get('outcome')}")
    if stock["outcome"] not in ("HELD", "COMMITTED"):
        raise EvidenceMissingError(f"an order is confirmed on stock HELD, not on {stock['outcome']}")
    held = {line["sku"]: line["quantity"] for line in stock["lines"]}
    ordered = {line["sku"]: line["quantity"] for line in row["lines"]}
    if any(not 0 < quantity <= ordered.get(sku, 0) for sku, quantity in held.items()):
        raise EvidenceMissingError(f"{row['order_id']} is confirmed for at most {ordered}, not for {held}")
    if held == ordered:
        return Decision(TRANSITIONS["decide_to_confirm"], set=_decided(row, now))
    if row.get("if_short") != ALLOW_PARTIAL:
        raise EvidenceMissingError(f"{row['order_id']} is confirmed for all of its lines or none, not for {held}")
    lines = [{**line, "quantity": held[line["sku"]]} for line in row["lines"] if line["sku"] in held]
    amount = sum(line["unit_price"] * line["quantity"] for line in lines)
    if amount < payment.get("at_least", 1) <= row["total"]["amount"]:
        return decide_to_cancel(row, OUT_OF_STOCK, now)
    less = {"lines": lines, "total": {**row["total"], "amount": amount}}
    as_it_was = {"lines": row["lines"], "total": row["total"]}
    return Decision(TRANSITIONS["decide_to_confirm"], set={**less, "ordered": as_it_was, **_decided(row, now)})


def decide_to_cancel(row: Row, reason: str, now: datetime) -> Decision | None:
    """O3: the same compare-and-set, the other way. The first reason stands."""
    if row["status"] not in states.UNDECIDED:
        return None
    return Decision(TRANSITIONS["decide_to_cancel"], set={"reason": reason, **_decided(row, now)})


def turn_down(row: Row, evidence: Evidence, now: datetime) -> Decision | None:
    """Decide to cancel on the answer of payment or inventory. Raises EvidenceMissingError if it is no refusal."""
    reason = REFUSALS.get(evidence["outcome"])
    if reason is None:
        raise EvidenceMissingError(f"an order is cancelled on one of {', '.join(REFUSALS)}, not on {evidence['outcome']}")
    return decide_to_cancel(row, reason, now)


def expire(row: Row, reason: str, tried_at: str, limits: Limits, now: datetime) -> Decision | None:
    """Decide to cancel an order whose try was in vain, if that was the order's latest try and began after its deadline.

    `tried_at` names the try. The row and not the caller says when it began, so a late answer of an earlier try and a
    forged one cancel nothing; neither does a backlog of orders that were not tried.
    """
    if row["status"] not in states.UNDECIDED or not tried_at or tried_at != row.get("tried_at"):
        return None
    if clock.from_rfc3339(row["tried_at"]) < deadline_of(row, limits):
        return None
    return Decision(TRANSITIONS["expire"], set={"reason": reason, **_decided(row, now)})


def deadline_of(row: Row, limits: Limits) -> datetime:
    """Return the moment from which a try in vain ends an undecided order.

    One that waits has another deadline too: its money must not be let go by the card's bank first.
    """
    if row["status"] == states.BACKORDERED:
        longest = clock.from_rfc3339(row["created_at"]) + limits.back_ordered
        held_until = row.get("held_until")
        return min(longest, clock.from_rfc3339(held_until) - HOLD_MARGIN) if held_until else longest
    since = clock.from_rfc3339(str(row.get("resumed_at") or row["created_at"]))
    return since + limits.undecided


def wait(
    row: Row, stock: Evidence, tried_at: str, limits: Limits, now: datetime, payment: Evidence = NO_STATEMENT
) -> Decision | None:
    """Let the order wait for its goods with its money authorised, or end it if it was tried after its deadline.

    A sweeper looks now and then. It looks soon for the first time: StockAllocated may have come before the order waited.

    An order waits once: evidence that comes after it was resumed is old. `capture_before` of the payment's answer bounds the
    waiting: the row keeps it as `held_until`.
    """
    if stock["outcome"] != "WAITING":
        raise EvidenceMissingError(f"an order waits for stock that is WAITING, not {stock['outcome']}")
    if row["status"] == states.BACKORDERED:
        return expire(row, OUT_OF_STOCK, tried_at, limits, now)
    if row["status"] != states.PENDING or "backordered_at" in row:
        return None
    data = {"customer_id": row["customer_id"], "lines": quantities(row["lines"]), "total": row["total"]}
    since = {"backordered_at": clock.rfc3339(now)}
    if "capture_before" in payment:
        since["held_until"] = payment["capture_before"]
    seen_to = {**since, "attempts": 0, **due_at(row["order_id"], now + FIRST_SWEEP_AFTER)}
    return Decision(TRANSITIONS["wait"], set=seen_to, remove=LEASE, data=data)


def resume(row: Row, now: datetime) -> Decision | None:
    """What was waited for is there: the saga goes on, with as much time as a new order."""
    if row["status"] != states.BACKORDERED:
        return None
    about = {"resumed_at": clock.rfc3339(now), "attempts": 0, **due_at(row["order_id"], now)}
    return Decision(TRANSITIONS["resume"], set=about, remove=LEASE)


def revert_to_cancelling(row: Row, reason: str, payment: str) -> Decision | None:
    """O3b: the one way back from CONFIRMING, with the gateway's refusal to capture in hand."""
    if payment != "CAPTURE_REFUSED":
        raise EvidenceMissingError(f"only a payment CAPTURE_REFUSED turns a confirming order back, not {payment}")
    return Decision(TRANSITIONS["refuse"], set={"reason": reason}) if row["status"] == states.CONFIRMING else None


def confirm(row: Row, payment: str, stock: str) -> Decision | None:
    """O4: the money is captured and the stock committed."""
    if (payment, stock) != ("CAPTURED", "COMMITTED"):
        raise EvidenceMissingError(f"an order is confirmed on CAPTURED and COMMITTED, not on {payment} and {stock}")
    if row["status"] != states.CONFIRMING:
        return None
    data = {"customer_id": row["customer_id"], "lines": quantities(row["lines"]), "total": row["total"]}
    missing = unavailable_lines(row)
    told = {**data, "left_out": missing} if missing else data
    return Decision(TRANSITIONS["confirm"], remove=RECOVERY_ATTRIBUTES, data=told)


def cancel(row: Row, payment: str, stock: str) -> Decision | None:
    """O5: the money is let go and the stock is back."""
    if payment not in ("VOIDED", "DECLINED") or stock not in ("RELEASED", "RESTOCKED"):
        raise EvidenceMissingError(f"an order is cancelled once money and stock are let go, not on {payment} and {stock}")
    if row["status"] != states.CANCELLING:
        return None
    return Decision(TRANSITIONS["cancel"], remove=RECOVERY_ATTRIBUTES, data=_cancelled(row, row["reason"], confirmed=False))


def request_cancellation(row: Row, reason: str, now: datetime) -> Decision | None:
    """What a request to cancel does: before the decision it decides, after the confirmation it asks shipping, if it may."""
    if row["status"] != states.CONFIRMED:
        return decide_to_cancel(row, reason, now)
    if row["fulfilment"] != states.FULFILMENT[0]:
        return None
    data = {"customer_id": row["customer_id"], "reason": reason}
    return Decision(TRANSITIONS["request_cancel"], set={"reason": reason, **_watched(row, now)}, data=data)


def was_revoked(row: Row) -> bool:
    """Return whether the order was cancelled after its confirmation: its money and goods go back, or are back."""
    return row["status"] == states.REFUNDING or (row["status"] == states.CANCELLED and bool(row.get("refunded")))


def was_confirmed(row: Row) -> bool:
    """Return whether the order was ever confirmed."""
    return row["status"] in (states.CONFIRMED, states.CANCEL_REQUESTED) or was_revoked(row)


def begin_refund(row: Row, failure: str | None, now: datetime) -> Decision | None:
    """The parcel will not go: asked for, or by the carrier's `failure`. From here on money and goods go back.

    None for an order whose parcel has gone.
    """
    if row["fulfilment"] != states.FULFILMENT[0]:
        return None
    if row["status"] != states.CANCEL_REQUESTED and not (failure and row["status"] == states.CONFIRMED):
        return None
    reason = failure or row["reason"]
    return Decision(
        TRANSITIONS["revoke"], set={"reason": reason, **_watched(row, now)}, data=_cancelled(row, reason, confirmed=True)
    )


class StillConfirmingError(RetryableError):
    """The order is about to be confirmed: the event comes again, and then it says something."""


def refunded_outside(row: Row, left: int, now: datetime) -> Decision | None:
    """Ask shipping to keep the parcel here if `left` says that all of the money went back at the gateway, by hand.

    A part that went back is the shop's own affair: the order goes on. Raises StillConfirmingError.
    """
    if left:
        return None
    if row["status"] == states.CONFIRMING:
        raise StillConfirmingError(f"{row['order_id']} is refunded at the gateway, and not confirmed yet")
    return request_cancellation(row, "OPERATOR", now) if row["status"] == states.CONFIRMED else None


def record_return(row: Row, what: str) -> Decision | None:
    """Money (`refunded`) or goods (`restocked`) are back; the second of the two closes the order."""
    if row["status"] != states.REFUNDING or row.get(what):
        return None
    other = {"refunded": "restocked", "restocked": "refunded"}[what]
    if row.get(other):
        return Decision(TRANSITIONS["close"], set={what: True}, remove=(*DUE_INDEX_ATTRIBUTES, "said"))
    return Decision(TRANSITIONS["take_back"], set={what: True})


def mark_fulfilment(row: Row, reached: str) -> Decision | None:
    """Move the fulfilment forward to `reached`, never back, whatever the order of arrival.

    A request to cancel came too late then: the order stays confirmed.
    """
    if row["status"] not in (states.CONFIRMED, states.CANCEL_REQUESTED):
        return None
    if states.FULFILMENT.index(reached) <= states.FULFILMENT.index(row["fulfilment"]):
        return None
    name = {"DISPATCHED": "mark_dispatched", "DELIVERED": "mark_delivered"}[reached]
    asked = ("reason", "said", *DUE_INDEX_ATTRIBUTES) if row["status"] == states.CANCEL_REQUESTED else ()
    return Decision(TRANSITIONS[name], set={"fulfilment": reached}, remove=asked, data={"customer_id": row["customer_id"]})


STUCK_AFTER = timedelta(minutes=15)
"""How long a cancellation after the confirmation may take before its sweeper calls it stuck: the longest retry of a queue."""


LONGEST_REPEAT_INTERVAL = timedelta(hours=6)


def next_repeat_at(row: Row, now: datetime) -> datetime:
    """Return when an order that still waits for other services asks them next: after as long again as it has waited."""
    waited = now - clock.from_rfc3339(row["updated_at"])
    return now + min(max(waited, STUCK_AFTER), LONGEST_REPEAT_INTERVAL)


def _decided(row: Row, now: datetime) -> Mapping[str, Any]:
    """A back-order is as urgent as any other from its decision on; the others' sweeper has its time already."""
    return {"attempts": 0, **due_at(row["order_id"], now + FIRST_SWEEP_AFTER)} if row["status"] == states.BACKORDERED else {}


def unavailable_lines(row: Row) -> list[dict[str, Any]]:
    """Return what was ordered and is not in stock, as SKUs and quantities."""
    kept = {line["sku"]: line["quantity"] for line in row["lines"]}
    ordered = quantities(original_order(row)["lines"])
    missing = [{**line, "quantity": line["quantity"] - kept.get(line["sku"], 0)} for line in ordered]
    return [line for line in missing if line["quantity"]]


def quantities(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines without their prices."""
    return [{"sku": line["sku"], "quantity": line["quantity"]} for line in lines]


def _watched(row: Row, now: datetime) -> Mapping[str, Any]:
    return due_at(row["order_id"], now + STUCK_AFTER)


def _cancelled(row: Row, reason: str, *, confirmed: bool) -> Mapping[str, Any]:
    return {"customer_id": row["customer_id"], "reason": reason, "total": row["total"], "confirmed": confirmed}


def next_sweep_at(row: Row, now: datetime) -> str:
    """When the sweeper looks again after this attempt: the next sweep at first, at last in a quarter of an hour.

    50 s is above the lease and under the minute between sweeps: at 60 s every other sweep would come a moment too early.
    """
    if row["status"] == states.BACKORDERED:
        return clock.rfc3339(now + BACKORDER_POLL_INTERVAL)
    return clock.rfc3339(now + timedelta(seconds=min(50 * 2 ** max(0, row["attempts"] + 1 - 5), 900)))
