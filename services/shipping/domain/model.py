"""The form of a shipment's item."""

from typing import Literal

from kernel.aggregate_store import AggregateRow, Decision, SweptAttributes
from kernel.statements import Quantity

FailureReason = Literal["NO_ADDRESS", "CARRIER_REFUSED"]
"""Why a parcel cannot go."""


class ShipmentAttributes(SweptAttributes, total=False):
    """The attributes that a shipment's decisions set. A tombstone has no `lines`."""

    order_id: str
    correlation_id: str
    lines: list[Quantity]
    booking: str
    """The carrier's id of the booking, once the parcel is being booked."""
    tracking: str
    """The carrier's tracking number, once the parcel is dispatched."""
    reason: FailureReason


class ShipmentRow(AggregateRow, ShipmentAttributes):
    """A shipment as DynamoDB keeps it."""


ShipmentDecision = Decision[ShipmentAttributes]
