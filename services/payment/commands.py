"""The payment's commands: the saga's steps. Each answers `{"outcome": ...}`.

An exception is a fault; the same command again is always safe, and is how an unknown outcome becomes known.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger

from services.kernel.money import Money
from services.kernel.rows import Cause
from services.payment import processing, table
from services.payment.gateway import Intent
from services.payment.gateways import gateway

logger = Logger()
Command = dict[str, Any]


class UnknownCommand(ValueError):
    """A command that this function does not have: the caller and this service were deployed out of step."""


def authorize(command: Command) -> Command:
    """Set the order's total aside: AUTHORIZED, DECLINED or VOIDED."""
    intent = Intent(command["order_id"], Money.from_dict(command["total"]), command["payment_token"])
    if intent.total.amount < 0:
        raise ValueError(f"the total of {intent.order_id} is negative: {intent.total}")
    return processing.authorize(table.payments(), gateway(), intent, _cause(command))


def capture(command: Command) -> Command:
    """Take the total, at most what was set aside: CAPTURED, CAPTURE_REFUSED or VOIDED. Without a `total`, all of that."""
    total = Money.from_dict(command["total"]) if "total" in command else None
    return processing.capture(table.payments(), gateway(), command["order_id"], _cause(command), total)


def void(command: Command) -> Command:
    """Let go of what is or may yet be set aside: VOIDED, DECLINED or CAPTURED."""
    return processing.void(table.payments(), gateway(), command["order_id"], _cause(command))


COMMANDS: dict[str, Callable[[Command], Command]] = {
    "authorize": authorize,
    "capture": capture,
    "void": void,
}


def handler(event: Command, context: Any) -> Command:
    """One command. Raises UnknownCommand, KeyError naming a missing field, GatewayFault, and what the table raises."""
    command = COMMANDS.get(event.get("command", ""))
    if command is None:
        raise UnknownCommand(f"{event.get('command')!r} is not one of {', '.join(COMMANDS)}")
    answer = command(event)
    logger.info("command answered", command=event["command"], order_id=event["order_id"], outcome=answer["outcome"])
    return answer


def _cause(command: Command) -> Cause:
    return Cause(command["correlation_id"], command["causation_id"])
