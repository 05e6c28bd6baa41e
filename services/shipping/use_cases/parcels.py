"""What becomes of a parcel once the carrier has it, whoever tells: the carrier when it is asked, or its webhook."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from kernel.aggregate_store import Row
from services.shipping.domain import decisions
from services.shipping.domain.carrier import Parcel
from services.shipping.storage import table

logger = Logger(child=True)
metrics = Metrics(namespace="Orderflow")


def seen(row: Row, parcel: Parcel) -> Row:
    """Write down where the parcel of a shipment that is dispatched was seen; the shipment afterwards.

    One that comes back is counted for the alarm and stays as it is: what to do about it is for an operator to say.
    """
    if parcel is Parcel.RETURNED:
        logger.error("parcel comes back", order_id=row["order_id"], tracking=row["tracking"])
        metrics.add_metric(name="ParcelReturned", unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
    if parcel is not Parcel.DELIVERED:
        return row
    return table.shipments().apply(row["order_id"], decisions.deliver, decisions.cause_of(row), seen=row)
