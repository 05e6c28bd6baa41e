"""The shipping service's table."""

from collections.abc import Iterable, Mapping

from kernel.aggregate_store import AggregateStore
from kernel.clients import AwsClient, Clients
from kernel.measures import Measure
from services.shipping.domain import metrics
from services.shipping.domain.model import ShipmentRow
from services.shipping.domain.states import TRANSITIONS


class Shipments(AggregateStore[ShipmentRow]):
    """The items `SHIP#<order_id>`."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, TRANSITIONS)

    def measures(self, step: str, after: ShipmentRow) -> Iterable[Measure]:
        """Return what a step adds to the business metrics."""
        return metrics.measures(step, after)


def shipments_of(clients: Clients, environ: Mapping[str, str]) -> Shipments:
    """Return the shipments of the table in the variable TABLE_NAME."""
    return Shipments(clients.dynamodb, environ["TABLE_NAME"])
