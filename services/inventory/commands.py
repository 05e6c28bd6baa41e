"""The inventory's commands: the saga's steps. Each answers `{"outcome": ...}`.

An exception is a fault; the same command again is always safe.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger

from services.inventory import decisions, table
from services.inventory.stock import merge
from services.kernel.rows import Cause

logger = Logger()
Command = dict[str, Any]


class UnknownCommand(ValueError):
    """A command that this function does not have: the caller and this service were deployed out of step."""


def reserve(command: Command) -> Command:
    """Hold the lines for the order: HELD, REJECTED with what is short, or what its reservation has become since.

    Where some are short, the order may want what there is (`if_short` ALLOW_PARTIAL: HELD, and the `lines` are less) or
    wait for all of it (BACK_ORDER: WAITING).
    """
    order_id, wanted, cause = command["order_id"], merge(command["lines"]), _cause(command)
    if_short = command.get("if_short", decisions.REJECT)
    if if_short not in decisions.IF_SHORT:
        raise ValueError(f"{if_short!r} is not one of {', '.join(decisions.IF_SHORT)}")
    row = table.reservations().move(
        order_id,
        lambda row, seen: decisions.reserve(row, seen, order_id, wanted, if_short, cause.correlation_id),
        cause,
        presume_absent=True,
    )
    return decisions.answer(row)


def commit(command: Command) -> Command:
    """Sell what is held for the order: COMMITTED, or RELEASED or RESTOCKED where it was let go before."""
    row = table.reservations().move(command["order_id"], decisions.commit, _cause(command))
    return {"outcome": row["status"]}


def release(command: Command) -> Command:
    """Let go of what is or may yet be held or waited for, or was sold to the order: RELEASED or RESTOCKED."""
    order_id, cause = command["order_id"], _cause(command)
    row = table.reservations().move(
        order_id, lambda row, seen: decisions.release(row, seen, order_id, cause.correlation_id), cause
    )
    return {"outcome": row["status"]}


COMMANDS: dict[str, Callable[[Command], Command]] = {
    "reserve": reserve,
    "commit": commit,
    "release": release,
}


def handler(event: Command, context: Any) -> Command:
    """One command. Raises UnknownCommand, InvalidLines, KeyError naming a missing field, and what the table raises."""
    command = COMMANDS.get(event.get("command", ""))
    if command is None:
        raise UnknownCommand(f"{event.get('command')!r} is not one of {', '.join(COMMANDS)}")
    answer = command(event)
    logger.info("command answered", command=event["command"], order_id=event["order_id"], outcome=answer["outcome"])
    return answer


def _cause(command: Command) -> Cause:
    return Cause(command["correlation_id"], command["causation_id"])
