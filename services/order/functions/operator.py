"""The operator's command on the catalogue. It answers `{"outcome": ...}`.

It is a function of its own, so that a role that may set a price cannot move an order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from kernel.clients import Clients
from kernel.commands import Commands, command_handler, reading
from kernel.handler import Handler, lambda_handler
from services.order.domain.prices import MAX_PRICES
from services.order.storage.catalogue import Catalogue


@dataclass(frozen=True, kw_only=True)
class SetPrices:
    """`prices` are at most MAX_PRICES, each `{"sku", "amount", "currency"}` and optionally `title`, `amount` in minor units."""

    prices: list[dict[str, Any]]


class Priced(TypedDict):
    """The number of prices that were put into the catalogue."""

    outcome: Literal["PRICED"]
    count: int


class OperatorCommands:
    """The operator's commands by their names."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.table: Commands = {"set_prices": reading(SetPrices, self.set_prices)}

    def set_prices(self, command: SetPrices) -> Priced:
        """Put prices in the catalogue: PRICED, with their `count`. Raises InvalidPriceError, ValueError for too many."""
        if len(command.prices) > MAX_PRICES:
            raise ValueError(f"{len(command.prices)} prices; at most {MAX_PRICES} a command")
        self.catalogue.set_prices(command.prices)
        return {"outcome": "PRICED", "count": len(command.prices)}


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of one command. It raises UnknownCommandError, and what the command raises."""
    return command_handler(OperatorCommands(Catalogue(clients.dynamodb, environ["TABLE_NAME"])).table)


handler = lambda_handler(bootstrap)
