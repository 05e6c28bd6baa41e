"""Checks of shipments: which orders have one, and how far its parcel is."""

from collections.abc import Iterator, Mapping
from typing import Final

from audit.checks.awaited import Awaited, Waiting
from audit.checks.broken import Broken
from audit.order_facts import bare_lines, fulfilment_of, status_of, was_confirmed
from audit.records import OrderRecords
from kernel.transitions import ABSENT
from services.order.domain import states as order
from services.order.domain.model import OrderRow
from services.shipping.domain import states as shipping

SHIPMENTS: Final[Mapping[str, frozenset[str]]] = {
    order.CONFIRMED: shipping.TRANSITIONS.statuses - {shipping.CANCELLED} | {ABSENT},
    order.CANCEL_REQUESTED: shipping.TRANSITIONS.statuses | {ABSENT},
    order.REFUNDING: frozenset({shipping.CANCELLED, shipping.FAILED}),
    order.CANCELLED: frozenset({shipping.CANCELLED, shipping.FAILED}),
}
"""The statuses of the shipment of an order that was confirmed. Any other order has no shipment."""


def check_shipment(row: OrderRow, records: OrderRecords) -> Broken:
    """Check that the shipment fits the order, and the fulfilment is not ahead of the parcel."""
    shipped, reached = records.shipment, order.FULFILMENT.index(row["fulfilment"])
    allowed = SHIPMENTS.get(row["status"], frozenset({ABSENT})) if was_confirmed(row) else frozenset({ABSENT})
    if status_of(shipped) not in allowed:
        yield "E2", f"is {row['status']} and its shipment is {status_of(shipped)}"
    if shipped is not None and "lines" in shipped and shipped["lines"] != bare_lines(row["lines"]):
        yield "W3", "its shipment is of other lines"
    if reached > fulfilment_of(shipped):
        yield "W3", f"its fulfilment is {row['fulfilment']}, its shipment {status_of(shipped)}"


def awaited_parcel(row: OrderRow, records: OrderRecords) -> Iterator[Waiting]:
    """Check that a confirmed order waits for a shipment, for the carrier, and for the record of its fulfilment."""
    status, shipped = row["status"], records.shipment
    if status == order.CONFIRMED and shipped is None:
        yield Waiting("E3", "is CONFIRMED and has no shipment", Awaited.PARCEL, row["updated_at"])
    if shipped is None:
        return
    if shipped["status"] in (shipping.CREATED, shipping.BOOKING):
        what = f"its shipment is {shipped['status']}, and the carrier has not taken the parcel"
        yield Waiting("V1", what, Awaited.PARCEL, shipped["created_at"])
    if status == order.CONFIRMED and order.FULFILMENT.index(row["fulfilment"]) < fulfilment_of(shipped):
        what = f"its shipment is {shipped['status']}, its fulfilment {row['fulfilment']}"
        yield Waiting("E5", what, Awaited.NEWS, max(row["updated_at"], shipped["updated_at"]))
