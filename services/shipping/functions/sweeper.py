"""The sweeper: every minute, each shipment that is due is handed to the carrier, or asked about. It never gives up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from kernel import clock
from kernel.aggregate_store import Decision, Row, VersionConflictError
from kernel.contact import ContactNotYetError, contact_of
from kernel.entrypoints import move_each, republish_stale_outbox, sweep
from kernel.errors import RetryableError
from kernel.settings import from_environment
from services.shipping.carriers.factory import carrier
from services.shipping.domain import decisions, states
from services.shipping.domain.carrier import LetGo
from services.shipping.storage import table
from services.shipping.use_cases import parcels

logger = Logger()
metrics = Metrics(namespace="Orderflow")
BUDGET: Final = timedelta(seconds=30)
"""How long a sweep begins shipments; what is left is for the last one (24 s if `contact` and the carrier hang)."""
PER_SHARD: Final = 25
"""How many shipments of a shard are taken in turn, so that no shard waits for another."""
ASKED_AGAIN_AFTER: Final = timedelta(minutes=1)
"""How long a shipment waits whose contact may yet come."""


@dataclass(frozen=True)
class Settings:
    """Whom to ask for addresses, and how long after dispatch the carrier is asked whether it delivered."""

    contact_function_arn: str
    transit_seconds: int


@cache
def settings() -> Settings:
    """Return the settings that this function was deployed with."""
    return from_environment(Settings)


class OrderNotConfirmedError(RetryableError):
    """The order's facts do not say that it is confirmed: the parcel stays, and the sweeper queries them again."""


def hand_over(row: Row) -> bool:
    """Prepare the booking, write down that it is asked for, then ask for it. A crash from there on asks for the same again.

    Raises OrderNotConfirmedError, and what the queries and the carrier raise.
    """
    order_id = row["order_id"]
    asked = contact_of(order_id, settings().contact_function_arn)
    if asked.order is None or not asked.order["confirmed"] or asked.order["revoked"]:
        raise OrderNotConfirmedError(f"shipment {row['status']} of {order_id}, which the order service does not confirm")
    contact, lines = asked.contact, asked.order["lines"]
    if contact is None:
        fail(row, decisions.NO_ADDRESS)  # also if the customer was forgotten since: whatever the carrier has stays here
        return True
    if row["status"] == states.CREATED:
        booking = carrier().prepare(order_id, contact, lines)
        if booking is None:
            fail(row, decisions.CARRIER_REFUSED)
            return True
        row = step(row, decisions.book(booking, lines))
    tracking = carrier().book(row["booking"])
    if tracking is None:
        fail(row, decisions.CARRIER_REFUSED)
    else:
        step(row, decisions.dispatch(row, tracking, clock.now() + timedelta(seconds=settings().transit_seconds)))
    return True


def fail(row: Row, reason: str) -> None:
    """Take back what the carrier may have, then let the shipment fail. Raises VersionConflictError."""
    let_go = taken_back(row) if row["status"] == states.BOOKING else LetGo.DONE
    step(row, decisions.fail(row, reason, clock.now(), let_go))


def taken_back(row: Row) -> LetGo:
    """Ask the carrier to take the booking back; count for the alarm that it keeps our money."""
    let_go = carrier().cancel(row["booking"])
    if let_go is LetGo.REFUSED:
        logger.error("the carrier does not refund a label", order_id=row["order_id"], booking=row["booking"])
        metrics.add_metric(name="LabelRefundRefused", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
    return let_go


def look_again(row: Row) -> bool:
    """See that the carrier keeps nothing of a shipment that failed: its label may have been sold after it was taken back."""
    again = decisions.looked_at_again(row, clock.now()) if taken_back(row) is LetGo.OPEN else None
    if again is not None:
        table.shipments().postpone(row["order_id"], again)
        return False
    table.shipments().leave_due_index(row["order_id"], row["next_due"])
    return True


def follow_up(row: Row) -> bool:
    """Ask the carrier about the parcel; False while it is on its way, or on its way back."""
    after = parcels.seen(row, carrier().find(row["booking"]))
    if after["status"] == states.DISPATCHED:
        table.shipments().postpone(row["order_id"], clock.now() + carrier().asked_every)
        return False
    return True


def step(row: Row, change: Decision) -> Row:
    """Write the shipment's step; the row afterwards. Raises VersionConflictError."""
    return table.shipments().write(row["order_id"], row, change, decisions.cause_of(row))


STEPS = {states.CREATED: hand_over, states.BOOKING: hand_over, states.DISPATCHED: follow_up, states.FAILED: look_again}


def move(order_id: str) -> bool:
    """Take the shipment's next step if it is due; whether it was taken."""
    row = table.shipments().get(order_id)
    if row is None or not decisions.is_due(row, clock.now()):
        return False
    try:
        return STEPS[row["status"]](row)
    except ContactNotYetError:
        table.shipments().postpone(order_id, clock.now() + ASKED_AGAIN_AFTER)
        return False
    except (
        VersionConflictError
    ):  # a cancellation or another sweep was faster, or this write's first answer was lost: the next one sees
        return False


def due() -> Iterator[str]:
    """Yield each due shipment once, until none is left or the sweep's time is up."""
    started = clock.now()
    seen: set[str] = set()
    more = True
    while more:
        more = False
        for order_id in table.shipments().due(started, PER_SHARD):
            if clock.now() >= started + BUDGET:
                return
            if order_id not in seen:
                more = True
                seen.add(order_id)
                yield order_id


def handler(event: Mapping[str, object], context: object) -> dict[str, int]:
    """One sweep, whatever the event. Safe to run at any time, any number at once; answers how much it did."""
    return sweep(lambda: move_each(table.shipments(), due(), move, "ShipmentsNotMoved"), republish_stale_outbox)
