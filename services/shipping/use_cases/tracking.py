"""The tracking of a dispatched parcel, by the sweeper's query and by the carrier's webhook."""

from kernel.logs import logger
from kernel.metrics import count
from services.shipping.domain import decisions
from services.shipping.domain.carrier import ParcelStatus
from services.shipping.domain.model import ShipmentRow
from services.shipping.storage.table import Shipments


def record_tracking(shipments: Shipments, row: ShipmentRow, parcel: ParcelStatus) -> ShipmentRow:
    """Record where the parcel of a dispatched shipment is; return the shipment afterwards.

    A returned parcel is counted for the alarm, and its shipment stays as it is: an operator decides about it.
    """
    if parcel is ParcelStatus.RETURNED:
        logger.error("parcel returned or lost", order_id=row["order_id"], tracking=row["tracking"])
        count("ParcelReturned", 1)
    if parcel is not ParcelStatus.DELIVERED:
        return row
    return shipments.apply(row["order_id"], decisions.deliver, decisions.causation_of(row), seen=row)
