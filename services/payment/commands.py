"""The payment's commands: the saga's steps. Each answers `{"outcome": ...}`.

An exception is a fault; the same command again is always safe, and is how an unknown outcome becomes known.
"""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger

from services.kernel import clock
from services.kernel.money import Money
from services.kernel.rows import Cause
from services.payment import decisions, processing, table
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


def retry_refund(command: Command) -> Command:
    """Attempt a refund anew that the gateway refused (the operator's command): REFUNDED, REFUND_REFUSED or REFUNDING.

    UNCHANGED with the payment's `status` where none was ever begun. What is refunded is not refunded again.
    """
    payments, cause = table.payments(), _cause(command)
    row = payments.advance(command["order_id"], lambda row: decisions.retry_refund(row, cause, clock.now()), cause)
    row = processing.refund(payments, gateway(), row)
    if row is None or row["status"] not in decisions.AFTER_REFUND:
        return {"outcome": "UNCHANGED", "status": row["status"] if row else None}
    return decisions.answer(row, decisions.AFTER_REFUND)


def status(command: Command) -> Command:
    """The payment as it durably is: FOUND or NOT_FOUND."""
    row = table.payments().get(command["order_id"])
    if row is None:
        return {"outcome": "NOT_FOUND"}
    shown = ("order_id", "status", "total", "reason", "version", "created_at", "updated_at")
    return {"outcome": "FOUND", **{name: row[name] for name in shown if name in row}}


COMMANDS: dict[str, Callable[[Command], Command]] = {
    "authorize": authorize,
    "capture": capture,
    "void": void,
    "retry_refund": retry_refund,
    "status": status,
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
