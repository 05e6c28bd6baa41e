"""The notification service's table."""

from collections.abc import Iterable, Mapping

from kernel.aggregate_store import AggregateStore
from kernel.clients import AwsClient, Clients
from kernel.measures import Measure
from services.notification.domain import metrics
from services.notification.domain.model import NoteRow
from services.notification.domain.states import TRANSITIONS
from services.notification.storage.suppressions import Suppressions


class Notes(AggregateStore[NoteRow]):
    """The items `NOTE#<order_id>#<kind>`. They hold no address and no name."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, TRANSITIONS)

    def measures(self, step: str, after: NoteRow) -> Iterable[Measure]:
        """Return what a step adds to the business metrics."""
        return metrics.measures(step, after)


def notes_of(clients: Clients, environ: Mapping[str, str]) -> Notes:
    """Return the notes of the table in the variable TABLE_NAME."""
    return Notes(clients.dynamodb, environ["TABLE_NAME"])


def suppressions_of(clients: Clients, environ: Mapping[str, str]) -> Suppressions:
    """Return the suppression list, which is in the same table."""
    return Suppressions(clients.dynamodb, environ["TABLE_NAME"])
