"""The operator's commands on the catalogue and on the trail of acts. They answer `{"outcome": ...}`.

It is a function of its own, so that a role that may set a price cannot move an order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict

from kernel.clients import Clients
from kernel.commands import Commands, InvalidCommandError, command_handler, reading
from kernel.handler import Handler, lambda_handler
from kernel.identifiers import ORDER_ID, is_personal
from kernel.logs import logger
from services.order.domain.prices import MAX_PRICES
from services.order.storage.catalogue import Catalogue

MAX_ORDERS: Final = 200
"""The most orders of one recorded act."""
LONGEST_ACT: Final = 100


@dataclass(frozen=True, kw_only=True)
class SetPrices:
    """`prices` are at most MAX_PRICES, each `{"sku", "amount", "currency"}` and optionally `title`, `amount` in minor units."""

    prices: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class RecordAct:
    """`act` is a command of an operator that no function of the services runs, such as `orders resume`.

    `order_ids` are the orders that it is about, at most MAX_ORDERS.
    """

    act: str
    order_ids: list[str]

    def __post_init__(self) -> None:
        if len(self.act) > LONGEST_ACT or not self.act.isprintable() or is_personal(self.act):
            raise InvalidCommandError(f"act: must have at most {LONGEST_ACT} printable characters, and nothing personal")
        if len(self.order_ids) > MAX_ORDERS or not all(map(_is_order_id, self.order_ids)):
            raise InvalidCommandError(f"order_ids: must be at most {MAX_ORDERS} ids of orders")


def _is_order_id(value: object) -> bool:
    return isinstance(value, str) and ORDER_ID.fullmatch(value) is not None


class Recorded(TypedDict):
    """The act is in the log."""

    outcome: Literal["RECORDED"]


class Priced(TypedDict):
    """The number of prices that were put into the catalogue."""

    outcome: Literal["PRICED"]
    count: int


class OperatorCommands:
    """The operator's commands by their names."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.table: Commands = {
            "set_prices": reading(SetPrices, self.set_prices),
            "record_act": reading(RecordAct, self.record_act),
        }

    def set_prices(self, command: SetPrices) -> Priced:
        """Put prices in the catalogue: PRICED, with their `count`. Raises InvalidPriceError, ValueError for too many."""
        if len(command.prices) > MAX_PRICES:
            raise ValueError(f"{len(command.prices)} prices; at most {MAX_PRICES} a command")
        self.catalogue.set_prices(command.prices)
        return {"outcome": "PRICED", "count": len(command.prices)}

    def record_act(self, command: RecordAct) -> Recorded:
        """Log an act with its actor and reason: a line for each of its orders, or one without an order."""
        for order in [{"order_id": order_id} for order_id in command.order_ids] or [{}]:
            logger.info("act recorded", extra={"command": command.act, **order})
        return {"outcome": "RECORDED"}


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of one command. It raises UnknownCommandError, and what the command raises."""
    return command_handler(OperatorCommands(Catalogue(clients.dynamodb, environ["TABLE_NAME"])).table)


handler = lambda_handler(bootstrap)
