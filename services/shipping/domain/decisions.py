"""The shipment's decisions, each a plain function of its row: the step to take, or None if there is nothing to do."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from kernel import clock
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Causation, Decision, due_at
from kernel.statements import Quantity
from services.shipping.domain import states
from services.shipping.domain.carrier import CancelOutcome
from services.shipping.domain.model import FailureReason, ShipmentAttributes, ShipmentDecision, ShipmentRow
from services.shipping.domain.states import TRANSITIONS
from services.shipping.schemas.models import (
    ShipmentCreatedV1Data,
    ShipmentDeliveredV1Data,
    ShipmentDispatchedV1Data,
    ShipmentFailedV1Data,
)

NO_ADDRESS: Final = "NO_ADDRESS"
CARRIER_REFUSED: Final = "CARRIER_REFUSED"
FIRST_REFUND_CHECK_AFTER: Final = timedelta(minutes=2)
"""Longer than the time-out of a sweep or a booking, which may still have a request to the carrier under way."""
LONGEST_REFUND_CHECK_INTERVAL: Final = timedelta(days=1)
REFUND_CHECKED_FOR: Final = timedelta(days=30)


def create(
    row: ShipmentRow | None, order_id: str, correlation_id: str, lines: Sequence[Quantity], now: datetime
) -> ShipmentDecision | None:
    """Create the shipment of a confirmed order, due at once. An order has one shipment for ever: the row is the dedupe."""
    if row is not None:
        return None
    due = _due(f"{TRANSITIONS.aggregate}#{order_id}", now)
    attributes: ShipmentAttributes = {"order_id": order_id, "lines": list(lines), "correlation_id": correlation_id, **due}
    return Decision(TRANSITIONS["create"], set=attributes, data=ShipmentCreatedV1Data(lines=list(lines)))


def cancel(row: ShipmentRow | None, order_id: str, correlation_id: str) -> ShipmentDecision | None:
    """Cancel the shipment if the carrier cannot have its parcel yet; None if it may have it, or never will.

    Without a shipment, the step leaves a tombstone: a row that refuses the shipment if it comes late.
    """
    if row is None:
        tombstone: ShipmentAttributes = {"order_id": order_id, "correlation_id": correlation_id}
        return Decision(TRANSITIONS["cancel"], set=tombstone)
    return Decision(TRANSITIONS["cancel"], remove=DUE_INDEX_ATTRIBUTES) if row["status"] == states.CREATED else None


def book(booking: str, lines: Sequence[Quantity]) -> ShipmentDecision:
    """Record the booking that the carrier is about to be asked for: from now on the shipment cannot be cancelled.

    The row's lines become those that the parcel was prepared with.
    """
    return Decision(TRANSITIONS["book"], set={"booking": booking, "lines": list(lines)})


def is_bookable(row: ShipmentRow) -> bool:
    """Return whether the shipment is still to be booked, or its booking is unfinished."""
    return row["status"] in (states.CREATED, states.BOOKING)


def is_due(row: ShipmentRow, now: datetime) -> bool:
    """Return whether a sweeper must look at the shipment. A delivered one is never due."""
    return "next_due" in row and row["next_due"] <= clock.rfc3339(now)


def dispatch(row: ShipmentRow, tracking: str, first_query_at: datetime) -> ShipmentDecision:
    """Record the carrier's tracking number. The sweeper queries the parcel from `first_query_at` on."""
    dispatched: ShipmentAttributes = {"tracking": tracking, **_due(row["pk"], first_query_at)}
    return Decision(TRANSITIONS["dispatch"], set=dispatched, data=ShipmentDispatchedV1Data(tracking=tracking))


def deliver(row: ShipmentRow | None) -> ShipmentDecision | None:
    """Record that the carrier delivered the parcel; None if that is known already."""
    if row is None or row["status"] != states.DISPATCHED:
        return None
    data = ShipmentDeliveredV1Data(tracking=row["tracking"])
    return Decision(TRANSITIONS["deliver"], remove=DUE_INDEX_ATTRIBUTES, data=data)


def fail(
    row: ShipmentRow, reason: FailureReason, now: datetime, cancelled: CancelOutcome = CancelOutcome.DONE
) -> ShipmentDecision:
    """Fail the shipment. If the carrier may still have its booking (OPEN), the sweeper checks it again."""
    data = ShipmentFailedV1Data(reason=reason)
    if cancelled is CancelOutcome.OPEN:
        checked: ShipmentAttributes = {"reason": reason, **_due(row["pk"], now + FIRST_REFUND_CHECK_AFTER)}
        return Decision(TRANSITIONS["fail"], set=checked, data=data)
    return Decision(TRANSITIONS["fail"], set={"reason": reason}, remove=DUE_INDEX_ATTRIBUTES, data=data)


def next_refund_check(row: ShipmentRow, now: datetime) -> datetime | None:
    """Return when to check a failed shipment's booking next, or None 30 days after the failure.

    The interval doubles the time since the failure, up to a day.
    """
    passed = now - clock.from_rfc3339(row["updated_at"])
    if passed >= REFUND_CHECKED_FOR:
        return None
    return now + min(max(passed, FIRST_REFUND_CHECK_AFTER), LONGEST_REFUND_CHECK_INTERVAL)


def causation_of(row: ShipmentRow) -> Causation:
    """Return the cause of a sweeper's step: the shipment's event before it. Each of its steps but `book` publishes one."""
    silent = row["status"] == states.BOOKING
    return Causation(row["correlation_id"], f"{row['pk']}#{row['version'] - silent}")


def _due(key: str, moment: datetime) -> ShipmentAttributes:
    """Return the attributes by which the sweeper finds the item with this key from `moment` on."""
    due = due_at(key, moment)
    return {"due_shard": due["due_shard"], "next_due": due["next_due"]}
