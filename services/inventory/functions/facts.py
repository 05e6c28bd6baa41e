"""The query by which other services verify an event of the inventory: the reservation as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel.clients import Clients
from kernel.facts import FactsQuery, NotFound, ReservationFacts, answer
from kernel.handler import Handler, lambda_handler
from kernel.settings import from_environment
from services.inventory.domain.model import ReservationRow
from services.inventory.storage.table import Reservations


@dataclass(frozen=True)
class FactsSettings:
    """The inventory's table."""

    table_name: str


def facts_of(row: ReservationRow) -> ReservationFacts:
    """Return the reservation's facts. One that was released first has no lines."""
    found = ReservationFacts(outcome="FOUND", order_id=row["order_id"], status=row["status"])
    if "lines" in row:
        found["lines"] = row["lines"]
    return found


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of a query: it returns FOUND with the reservation's `status` and `lines`, or NOT_FOUND."""
    reservations = Reservations(clients.dynamodb, from_environment(FactsSettings, environ).table_name)

    def handle(event: FactsQuery, context: object) -> ReservationFacts | NotFound:
        row = reservations.get(event["order_id"])
        return answer(facts_of(row) if row else None)

    return handle


handler = lambda_handler(bootstrap)
