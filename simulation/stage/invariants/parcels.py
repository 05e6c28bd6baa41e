"""Parcels: a shipment and the carrier's parcel, held against the status of their order."""

from typing import Final

from simulation.stage.gateway import RemoteCarrier
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import ABSENT, OWNED, status_of

SHIPMENTS_OF: Final = {
    "CONFIRMED": (ABSENT, "CREATED", "BOOKING", "DISPATCHED", "DELIVERED", "FAILED"),
    "CANCEL_REQUESTED": (ABSENT, "CREATED", "BOOKING", "DISPATCHED", "DELIVERED", "CANCELLED", "FAILED"),
    "REFUNDING": ("CANCELLED", "FAILED"),
    "CANCELLED": (ABSENT, "CANCELLED", "FAILED"),
}
"""The statuses of the shipment of an order in each status. Any other order has no shipment."""


def shipment_agrees_with_order(record: Record, order_id: str) -> None:
    """Check the status of the order's shipment."""
    status, shipment = status_of(record.orders.get(order_id)), record.shipment(order_id)
    if shipment not in SHIPMENTS_OF.get(status, (ABSENT,)):
        record.fail("only_confirmed_orders_ship", f"{order_id} is {status} and its shipment is {shipment}")


def carrier_has_only_confirmed_orders(record: Record, order_id: str) -> None:
    """Check that the carrier has no parcel of an order that was not confirmed, or goes back."""
    status = status_of(record.orders.get(order_id))
    if order_id in RemoteCarrier.has and status not in OWNED:
        record.fail("only_confirmed_orders_ship", f"{order_id} is {status} and the carrier has its parcel")
