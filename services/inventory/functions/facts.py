"""The query by which other services verify an event of the inventory: the reservation as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from kernel import facts
from kernel.clients import Clients
from kernel.commands import Answer
from kernel.handler import Handler, lambda_handler
from kernel.settings import from_environment
from services.inventory.storage.table import Reservations


@dataclass(frozen=True)
class FactsSettings:
    """The inventory's table."""

    table_name: str


class FactsQuery(TypedDict):
    """The id of the order, for a request of its reservation."""

    order_id: str


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of a query: it returns FOUND with the reservation's `status` and `lines`, or NOT_FOUND."""
    reservations = Reservations(clients.dynamodb, from_environment(FactsSettings, environ).table_name)

    def handle(event: FactsQuery, context: object) -> Answer:
        return facts.answer(reservations.get(event["order_id"]), "lines")

    return handle


handler = lambda_handler(bootstrap)
