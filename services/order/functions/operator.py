"""The operator's commands on the catalogue. Each answers `{"outcome": ...}`.

They are a function of their own, so that a role that may set a price cannot move an order.
"""

from aws_lambda_powertools import Logger

from kernel.commands import Answer, Command, Commands, dispatch
from services.order.domain.prices import MAX_PRICES
from services.order.storage import table

logger = Logger()


def set_prices(command: Command) -> Command:
    """Put up to MAX_PRICES prices in the catalogue."""
    if len(command["prices"]) > MAX_PRICES:
        raise ValueError(f"{len(command['prices'])} prices; at most {MAX_PRICES} a command")
    table.catalogue().set_prices(command["prices"])
    return {"outcome": "PRICED", "count": len(command["prices"])}


COMMANDS: Commands = {"set_prices": set_prices}


def handler(event: Command, context: object) -> Answer:
    """One command. Raises UnknownCommandError, and what the table raises."""
    answer = dispatch(COMMANDS, event)
    logger.info("command answered", command=event["command"], outcome=answer["outcome"])
    return answer
