"""The order's decisions, each a plain function of its row and of the statements in hand: the step to take, or None.

None means that nothing is left to do: another writer was faster, and the row's status says what it did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeGuard, cast

from kernel import clock
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Decision, due_at
from kernel.errors import BugError, RetryableError
from kernel.statements import PaymentStatement, Quantity, StockStatement
from services.order.domain import states
from services.order.domain.model import (
    CancellationReason,
    Contents,
    Line,
    OrderAttributes,
    OrderDecision,
    OrderRow,
    Reason,
    ShipmentFailure,
    Unavailable,
)
from services.order.domain.states import TRANSITIONS
from services.order.schemas.models import (
    OrderBackorderedV1Data,
    OrderCancelledV2Data,
    OrderCancelRequestedV1Data,
    OrderConfirmedV1Data,
    OrderFulfilledV1Data,
)

NO_STATEMENT: Final[PaymentStatement] = {"outcome": ""}
FIRST_SWEEP_AFTER: Final = timedelta(seconds=60)
"""How long the sweeper leaves a run of the saga alone: above the workflow's whole time budget."""
HOLD_MARGIN: Final = timedelta(hours=2)
"""How long before its authorisation ends a back-order expires: above BACKORDER_POLL_INTERVAL."""
BACKORDER_POLL_INTERVAL: Final = timedelta(minutes=15)
"""How often the sweeper requests the stock of a back-order, because StockAllocated may be lost."""
STUCK_AFTER: Final = timedelta(minutes=15)
"""How long a cancellation after the confirmation may take before its sweeper alarms: the longest retry of a queue."""
LONGEST_REPEAT_INTERVAL: Final = timedelta(hours=6)
REJECT: Final = "REJECT"
ALLOW_PARTIAL: Final = "ALLOW_PARTIAL"
BACK_ORDER: Final = "BACK_ORDER"
OUT_OF_STOCK: Final = "OUT_OF_STOCK"
REFUSALS: Final[Mapping[str, Reason]] = {
    "DECLINED": "PAYMENT_DECLINED",
    "VOIDED": "PAYMENT_VOIDED",
    "REJECTED": OUT_OF_STOCK,
    "RELEASED": "STOCK_RELEASED",
    "RESTOCKED": "STOCK_RELEASED",
}
"""The reason of a cancellation, by the outcome that payment or inventory states."""
REFUSALS_OF_PAYMENT: Final = frozenset({"DECLINED", "VOIDED"})
"""The outcomes among these that payment states; inventory states the others."""
LEASE: Final = ("lease_owner", "lease_until", "tried_at", "unavailable")
"""The attributes that a try of the sweeper leaves on a row."""
RECOVERY_ATTRIBUTES: Final = (*DUE_INDEX_ATTRIBUTES, *LEASE)
"""The attributes to remove from a row at its terminal status."""


@dataclass(frozen=True)
class Limits:
    """How long after its creation or resumption an undecided order expires, and a back-order after its creation."""

    undecided: timedelta
    back_ordered: timedelta


class EvidenceMissingError(BugError):
    """A step without the evidence that its guard needs: a bug in the caller."""


class StillConfirmingError(RetryableError):
    """The order is being confirmed, so the event cannot be applied yet: its message must come back."""


def original_order(row: OrderRow) -> Contents:
    """Return the order's `lines` and `total` as ordered, also if less was in stock."""
    return row.get("ordered") or {"lines": row["lines"], "total": row["total"]}


def is_unavailable(reason: str) -> TypeGuard[Unavailable]:
    """Return whether the reason says which service gave a try no answer."""
    return reason in ("PAYMENT_UNAVAILABLE", "INVENTORY_UNAVAILABLE")


def decide_to_confirm(
    row: OrderRow, stock: StockStatement, now: datetime, payment: PaymentStatement = NO_STATEMENT
) -> OrderDecision | None:
    """Confirm an undecided order, on payment AUTHORIZED and stock HELD or COMMITTED.

    If less is held than was ordered, `lines` and `total` become the held part, and `ordered` keeps the original. If that part
    costs less than `at_least` of the payment's statement, an order that costs more is out of stock. So is an order with a
    part that costs no multiple of `multiple_of`: the gateway would refuse to capture it after the decision.

    Raises EvidenceMissingError, also if more of a SKU is held than was ordered.
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
    lines: list[Line] = [{**line, "quantity": held[line["sku"]]} for line in row["lines"] if line["sku"] in held]
    amount = sum(line["unit_price"] * line["quantity"] for line in lines)
    is_too_small = amount < payment.get("at_least", 1) <= row["total"]["amount"]
    if is_too_small or amount % payment.get("multiple_of", 1):
        return decide_to_cancel(row, OUT_OF_STOCK, now)
    held_part: OrderAttributes = {"lines": lines, "total": {**row["total"], "amount": amount}}
    original: Contents = {"lines": row["lines"], "total": row["total"]}
    return Decision(TRANSITIONS["decide_to_confirm"], set={**held_part, "ordered": original, **_decided(row, now)})


def decide_to_cancel(row: OrderRow, reason: Reason, now: datetime) -> OrderDecision | None:
    """Cancel an undecided order. The first reason stands."""
    if row["status"] not in states.UNDECIDED:
        return None
    return Decision(TRANSITIONS["decide_to_cancel"], set={"reason": reason, **_decided(row, now)})


def turn_down(row: OrderRow, statement: PaymentStatement | StockStatement, now: datetime) -> OrderDecision | None:
    """Cancel an undecided order on a refusal of payment or inventory. `short` keeps the SKUs that inventory has too few of.

    Raises EvidenceMissingError if it is no refusal.
    """
    reason = REFUSALS.get(statement["outcome"])
    if reason is None:
        raise EvidenceMissingError(f"an order is cancelled on one of {', '.join(REFUSALS)}, not on {statement['outcome']}")
    decision = decide_to_cancel(row, reason, now)
    short = cast(StockStatement, statement).get("short")  # a payment's statement has none
    if decision is None or decision.set is None or not short:
        return decision
    refused: OrderAttributes = {**decision.set, "short": short}
    return replace(decision, set=refused)


def expire(row: OrderRow, reason: Reason, tried_at: str, limits: Limits, now: datetime) -> OrderDecision | None:
    """Cancel an undecided order after a try without result, if it was the order's latest and began after the deadline.

    `tried_at` names the try. The row and not the caller says when it began, so a late answer of an earlier try and a forged one
    cancel nothing; neither does a backlog of orders that were not tried.
    """
    if row["status"] not in states.UNDECIDED or not tried_at or tried_at != row.get("tried_at"):
        return None
    if clock.from_rfc3339(row["tried_at"]) < deadline_of(row, limits):
        return None
    return Decision(TRANSITIONS["expire"], set={"reason": reason, **_decided(row, now)})


def deadline_of(row: OrderRow, limits: Limits) -> datetime:
    """Return the time after which a try without result ends an undecided order.

    A back-order also ends HOLD_MARGIN before the card's bank releases its money.
    """
    if row["status"] == states.BACKORDERED:
        longest = clock.from_rfc3339(row["created_at"]) + limits.back_ordered
        held_until = row.get("held_until")
        return min(longest, clock.from_rfc3339(held_until) - HOLD_MARGIN) if held_until else longest
    since = clock.from_rfc3339(str(row.get("resumed_at") or row["created_at"]))
    return since + limits.undecided


def wait(
    row: OrderRow,
    stock: StockStatement,
    tried_at: str,
    limits: Limits,
    now: datetime,
    payment: PaymentStatement = NO_STATEMENT,
) -> OrderDecision | None:
    """Make the order a back-order, on stock WAITING, or end the back-order if this try began after its deadline.

    The sweeper looks soon for the first time: StockAllocated may have come before the order waited. An order waits once:
    evidence that comes after it was resumed is old. `capture_before` of the payment's statement becomes `held_until`. `short`
    keeps the SKUs that it waits for, until it is resumed.
    """
    if stock["outcome"] != "WAITING":
        raise EvidenceMissingError(f"an order waits for stock that is WAITING, not {stock['outcome']}")
    if row["status"] == states.BACKORDERED:
        return expire(row, OUT_OF_STOCK, tried_at, limits, now)
    if row["status"] != states.PENDING or "backordered_at" in row:
        return None
    data = OrderBackorderedV1Data(customer_id=row["customer_id"], lines=quantities(row["lines"]), total=row["total"])
    since: OrderAttributes = {"backordered_at": clock.rfc3339(now)}
    if "capture_before" in payment:
        since["held_until"] = payment["capture_before"]
    if "short" in stock:
        since["short"] = stock["short"]
    seen_to: OrderAttributes = {**since, "attempts": 0, **_due(row, now + FIRST_SWEEP_AFTER)}
    return Decision(TRANSITIONS["wait"], set=seen_to, remove=LEASE, data=data)


def resume(row: OrderRow, now: datetime) -> OrderDecision | None:
    """Resume a back-order when its stock is allocated: the saga goes on, with as much time as for a new order."""
    if row["status"] != states.BACKORDERED:
        return None
    about: OrderAttributes = {"resumed_at": clock.rfc3339(now), "attempts": 0, **_due(row, now)}
    return Decision(TRANSITIONS["resume"], set=about, remove=(*LEASE, "short"))


def revert_to_cancelling(row: OrderRow, reason: Reason, payment: str) -> OrderDecision | None:
    """Turn a confirming order back, on payment CAPTURE_REFUSED. Raises EvidenceMissingError."""
    if payment != "CAPTURE_REFUSED":
        raise EvidenceMissingError(f"only a payment CAPTURE_REFUSED turns a confirming order back, not {payment}")
    return Decision(TRANSITIONS["refuse"], set={"reason": reason}) if row["status"] == states.CONFIRMING else None


def confirm(row: OrderRow, payment: str, stock: str) -> OrderDecision | None:
    """Confirm the order. Requires payment CAPTURED and stock COMMITTED, else raises EvidenceMissingError."""
    if (payment, stock) != ("CAPTURED", "COMMITTED"):
        raise EvidenceMissingError(f"an order is confirmed on CAPTURED and COMMITTED, not on {payment} and {stock}")
    if row["status"] != states.CONFIRMING:
        return None
    data = OrderConfirmedV1Data(customer_id=row["customer_id"], lines=quantities(row["lines"]), total=row["total"])
    missing = unavailable_lines(row)
    if missing:
        data["left_out"] = missing
    return Decision(TRANSITIONS["confirm"], remove=RECOVERY_ATTRIBUTES, data=data)


def cancel(row: OrderRow, payment: str, stock: str) -> OrderDecision | None:
    """Cancel the order. Requires payment VOIDED or DECLINED, stock RELEASED or RESTOCKED, else raises EvidenceMissingError."""
    if payment not in ("VOIDED", "DECLINED") or stock not in ("RELEASED", "RESTOCKED"):
        raise EvidenceMissingError(f"an order is cancelled once money and stock are released, not on {payment} and {stock}")
    if row["status"] != states.CANCELLING:
        return None
    return Decision(TRANSITIONS["cancel"], remove=RECOVERY_ATTRIBUTES, data=_cancelled(row, row["reason"], confirmed=False))


def request_cancellation(row: OrderRow, reason: CancellationReason, now: datetime) -> OrderDecision | None:
    """Cancel an undecided order, or ask shipping to keep a confirmed order's parcel, if that has not gone."""
    if row["status"] != states.CONFIRMED:
        return decide_to_cancel(row, reason, now)
    if row["fulfilment"] != states.FULFILMENT[0]:
        return None
    data = OrderCancelRequestedV1Data(customer_id=row["customer_id"], reason=reason)
    return Decision(TRANSITIONS["request_cancel"], set={"reason": reason, **_watched(row, now)}, data=data)


def was_revoked(row: OrderRow) -> bool:
    """Return whether the order was cancelled after its confirmation: its money and goods go back, or are back."""
    return row["status"] == states.REFUNDING or (row["status"] == states.CANCELLED and bool(row.get("refunded")))


def was_confirmed(row: OrderRow) -> bool:
    """Return whether the order was ever confirmed."""
    return row["status"] in (states.CONFIRMED, states.CANCEL_REQUESTED) or was_revoked(row)


def begin_refund(row: OrderRow, failure: ShipmentFailure | None, now: datetime) -> OrderDecision | None:
    """Cancel a confirmed order before its parcel leaves: by request, or by the carrier's `failure`.

    From here on money and goods go back. Return None if the parcel has left.
    """
    if row["fulfilment"] != states.FULFILMENT[0]:
        return None
    if row["status"] != states.CANCEL_REQUESTED and not (failure and row["status"] == states.CONFIRMED):
        return None
    reason = failure or row["reason"]
    return Decision(
        TRANSITIONS["revoke"],
        set={"reason": reason, **_watched(row, now)},
        data=_cancelled(row, reason, confirmed=True),
    )


def refunded_outside(row: OrderRow, left: int, now: datetime) -> OrderDecision | None:
    """Ask shipping to keep the parcel if all of the money went back at the gateway, by hand: `left`, in minor units, is 0.

    After a partial refund the order goes on. Raises StillConfirmingError.
    """
    if left:
        return None
    if row["status"] == states.CONFIRMING:
        raise StillConfirmingError(f"{row['order_id']} is refunded at the gateway, and not confirmed yet")
    return request_cancellation(row, "OPERATOR", now) if row["status"] == states.CONFIRMED else None


def record_return(row: OrderRow, returned: Literal["refunded", "restocked"]) -> OrderDecision | None:
    """Record that money (`refunded`) or goods (`restocked`) are back; the second of the two closes the order."""
    if row["status"] != states.REFUNDING or row.get(returned):
        return None
    is_last = bool(row.get("restocked") if returned == "refunded" else row.get("refunded"))
    mark: OrderAttributes = {"refunded": True} if returned == "refunded" else {"restocked": True}
    if is_last:
        return Decision(TRANSITIONS["close"], set=mark, remove=(*DUE_INDEX_ATTRIBUTES, "said"))
    return Decision(TRANSITIONS["take_back"], set=mark)


def mark_fulfilment(row: OrderRow, reached: Literal["DISPATCHED", "DELIVERED"]) -> OrderDecision | None:
    """Move the fulfilment forward to `reached`, never back, whatever the order of arrival.

    A request to cancel came too late then: the order stays confirmed.
    """
    if row["status"] not in (states.CONFIRMED, states.CANCEL_REQUESTED):
        return None
    if states.FULFILMENT.index(reached) <= states.FULFILMENT.index(row["fulfilment"]):
        return None
    name = {"DISPATCHED": "mark_dispatched", "DELIVERED": "mark_delivered"}[reached]
    asked = ("reason", "said", *DUE_INDEX_ATTRIBUTES) if row["status"] == states.CANCEL_REQUESTED else ()
    data = OrderFulfilledV1Data(customer_id=row["customer_id"])
    return Decision(TRANSITIONS[name], set={"fulfilment": reached}, remove=asked, data=data)


def next_repeat_at(row: OrderRow, now: datetime) -> datetime:
    """Return when the order's last event is republished next, if it still waits: after as long again as it has waited."""
    waited = now - clock.from_rfc3339(row["updated_at"])
    return now + min(max(waited, STUCK_AFTER), LONGEST_REPEAT_INTERVAL)


def next_sweep_at(row: OrderRow, now: datetime) -> str:
    """Return when the sweeper tries again: 50 seconds after each of five tries, then doubling to 15 minutes.

    A back-order is tried every 15 minutes.

    50 s is above the lease and under the minute between sweeps: at 60 s every other sweep would come a moment too early.
    """
    if row["status"] == states.BACKORDERED:
        return clock.rfc3339(now + BACKORDER_POLL_INTERVAL)
    return clock.rfc3339(now + timedelta(seconds=min(50 * 2 ** max(0, row["attempts"] + 1 - 5), 900)))


def unavailable_lines(row: OrderRow) -> list[Quantity]:
    """Return the SKUs and quantities that were ordered and are not in stock."""
    kept = {line["sku"]: line["quantity"] for line in row["lines"]}
    ordered = quantities(original_order(row)["lines"])
    missing: list[Quantity] = [{**line, "quantity": line["quantity"] - kept.get(line["sku"], 0)} for line in ordered]
    return [line for line in missing if line["quantity"]]


def quantities(lines: Sequence[Line]) -> list[Quantity]:
    """Return the lines without their prices."""
    return [{"sku": line["sku"], "quantity": line["quantity"]} for line in lines]


def _decided(row: OrderRow, now: datetime) -> OrderAttributes:
    """Return the sweeper's attributes after a decision: a back-order becomes as urgent as any other order."""
    return {"attempts": 0, **_due(row, now + FIRST_SWEEP_AFTER)} if row["status"] == states.BACKORDERED else {}


def _watched(row: OrderRow, now: datetime) -> OrderAttributes:
    return _due(row, now + STUCK_AFTER)


def _due(row: OrderRow, moment: datetime) -> OrderAttributes:
    """Return the attributes by which the sweeper finds the order from `moment` on."""
    due = due_at(row["order_id"], moment)
    return {"due_shard": due["due_shard"], "next_due": due["next_due"]}


def _cancelled(row: OrderRow, reason: Reason, *, confirmed: bool) -> OrderCancelledV2Data:
    return {"customer_id": row["customer_id"], "reason": reason, "total": row["total"], "confirmed": confirmed}
