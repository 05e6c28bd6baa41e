"""The shipment's decisions, each a plain function: the step to take, or None where there is nothing to do."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from kernel import clock
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, Causation, Decision, Row, due_at
from kernel.events import DomainEvent
from services.shipping.domain import states
from services.shipping.domain.carrier import LetGo
from services.shipping.domain.states import TRANSITIONS

NO_ADDRESS, CARRIER_REFUSED = "NO_ADDRESS", "CARRIER_REFUSED"


def create(row: Row | None, confirmed: DomainEvent, lines: Sequence[Mapping[str, object]], now: datetime) -> Decision | None:
    """Create the shipment of a confirmed order, due at once. There is one per order, so the row deduplicates."""
    if row is not None:
        return None
    attributes = {"order_id": confirmed.order_id, "lines": lines, "correlation_id": confirmed.correlation_id}
    due = due_at(f"{TRANSITIONS.aggregate}#{confirmed.order_id}", now)
    return Decision(TRANSITIONS["create"], set={**attributes, **due}, data={"lines": lines})


def cancel(row: Row | None, requested: DomainEvent) -> Decision | None:
    """Keep the parcel here, if the carrier cannot have it yet. None where it may have it, or will never.

    Where there is no shipment yet, the row refuses the one that comes late.
    """
    if row is None:
        return Decision(TRANSITIONS["cancel"], set={"order_id": requested.order_id, "correlation_id": requested.correlation_id})
    return Decision(TRANSITIONS["cancel"], remove=DUE_INDEX_ATTRIBUTES) if row["status"] == states.CREATED else None


def book(booking: str, lines: Sequence[Mapping[str, object]]) -> Decision:
    """Record that the carrier is about to be asked to book. From here on the shipment cannot be cancelled.

    The row keeps the lines that the parcel was prepared with.
    """
    return Decision(TRANSITIONS["book"], set={"booking": booking, "lines": lines})


def is_due(row: Row, now: datetime) -> bool:
    """Whether a sweeper must look at the shipment: one that is delivered or failed never is."""
    return "next_due" in row and row["next_due"] <= clock.rfc3339(now)


def dispatch(row: Row, tracking: str, arrives: datetime) -> Decision:
    """Record that the carrier took the parcel. The sweeper tracks it from `arrives` on."""
    told = {"tracking": tracking}
    return Decision(TRANSITIONS["dispatch"], set={**told, **due_at(row["pk"], arrives)}, data=told)


def deliver(row: Row | None) -> Decision | None:
    """Record the delivery, which ends the sweeper's tracking. Return None if it is known already."""
    if row is None or row["status"] != states.DISPATCHED:
        return None
    return Decision(TRANSITIONS["deliver"], remove=DUE_INDEX_ATTRIBUTES, data={"tracking": row["tracking"]})


FIRST_LOOK_AGAIN = timedelta(minutes=2)
"""Above the time-out of the sweep whose request to the carrier may still be under way."""
LONGEST_BETWEEN_LOOKS, LOOKED_AFTER_FOR = timedelta(days=1), timedelta(days=30)


def fail(row: Row, reason: str, now: datetime, let_go: LetGo = LetGo.DONE) -> Decision:
    """Fail the shipment: NO_ADDRESS or CARRIER_REFUSED. Until its booking is released, the sweeper asks the carrier again."""
    told = {"reason": reason}
    if let_go is LetGo.OPEN:
        return Decision(TRANSITIONS["fail"], set={**told, **due_at(row["pk"], now + FIRST_LOOK_AGAIN)}, data=told)
    return Decision(TRANSITIONS["fail"], set=told, remove=DUE_INDEX_ATTRIBUTES, data=told)


def looked_at_again(row: Row, now: datetime) -> datetime | None:
    """Return when a failed shipment's booking is looked at next: after as long again, a day at most; None after 30 days."""
    passed = now - clock.from_rfc3339(row["updated_at"])
    return now + min(max(passed, FIRST_LOOK_AGAIN), LONGEST_BETWEEN_LOOKS) if passed < LOOKED_AFTER_FOR else None


def cause_of(row: Row) -> Causation:
    """Return the cause of a sweeper's step: the shipment's event before it. Each step but `book` publishes one."""
    silent = row["status"] == states.BOOKING
    return Causation(row["correlation_id"], f"{row['pk']}#{row['version'] - silent}")
