"""The inventory's commands: the saga's steps. Each answers `{"outcome": ...}`, with its receipt.

Goods move on the order's own statement only: its receipt is checked before anything is written.
An exception is a fault; the same command again is always safe.
"""

from dataclasses import dataclass

from aws_lambda_powertools import Logger

from kernel import clock
from kernel.commands import Answer, Command, Commands, InvalidCommandError, OrderCommand, dispatch, reading
from kernel.receipts import CANCELLING, CONFIRMING, Kind, receipts
from services.inventory.domain import decisions
from services.inventory.domain.stock import merge
from services.inventory.storage import table

logger = Logger()


@dataclass(frozen=True, kw_only=True)
class Reserve(OrderCommand):
    """`wanted` is the order's statement with its receipt."""

    wanted: object = None


@dataclass(frozen=True, kw_only=True)
class Settle(OrderCommand):
    """`decision` is the order's statement with its receipt: CONFIRMING to commit, CANCELLING to release."""

    decision: object = None


def reserve(command: Reserve) -> Answer:
    """Hold what the order states it wants: HELD, REJECTED with what is short, or what its reservation has become since.

    Where some lines are short, the order may want what there is (`if_short` ALLOW_PARTIAL: HELD, and the `lines` are less) or
    wait for all of it (BACK_ORDER: WAITING).
    """
    order_id, cause = command.order_id, command.causation
    stated = receipts().check(Kind.WANTED, order_id, command.wanted)
    wanted, if_short = merge(stated["lines"]), stated["if_short"]
    if if_short not in decisions.IF_SHORT:
        raise InvalidCommandError(f"wanted.if_short: {if_short!r} is not one of {', '.join(decisions.IF_SHORT)}")
    row = table.reservations().move(
        order_id,
        lambda row, seen: decisions.reserve(row, seen, order_id, wanted, if_short, cause.correlation_id, clock.now()),
        cause,
        presume_absent=True,
    )
    return _stated(order_id, decisions.answer(row))


def commit(command: Settle) -> Answer:
    """Sell what is held for an order that is CONFIRMING: COMMITTED, or RELEASED or RESTOCKED if it was released before."""
    order_id, cause = command.order_id, command.causation
    receipts().check(Kind.DECISION, order_id, command.decision, CONFIRMING)
    row = table.reservations().move(order_id, decisions.commit, cause)
    return _stated(order_id, {"outcome": row["status"]})


def release(command: Settle) -> Answer:
    """Release the stock that an order holds, waits for, or was sold while it is CANCELLING: RELEASED or RESTOCKED."""
    order_id, cause = command.order_id, command.causation
    receipts().check(Kind.DECISION, order_id, command.decision, CANCELLING)
    row = table.reservations().move(
        order_id, lambda row, seen: decisions.release(row, seen, order_id, cause.correlation_id), cause
    )
    return _stated(order_id, {"outcome": row["status"]})


COMMANDS: Commands = {
    "reserve": reading(Reserve, reserve),
    "commit": reading(Settle, commit),
    "release": reading(Settle, release),
}


def handler(event: Command, context: object) -> Answer:
    """Do one command.

    Raises UnknownCommandError, InvalidCommandError, ReceiptRefusedError, InvalidLinesError, what the table raises.
    """
    answer = dispatch(COMMANDS, event)
    logger.info("command answered", command=event["command"], order_id=event["order_id"], outcome=answer["outcome"])
    return answer


def _stated(order_id: str, answer: Answer) -> Answer:
    return receipts().issue(Kind.STOCK, order_id, answer)
