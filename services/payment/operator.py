"""The operator's commands on payments. Each answers `{"outcome": ...}`.

They are a function of their own: the saga's role cannot invoke it, and the operator's role cannot capture or void.
The same command again is always safe.
"""

from typing import Any

from aws_lambda_powertools import Logger

from services.kernel import clock
from services.kernel.commands import Command, Commands, run
from services.kernel.rows import Cause
from services.payment import decisions, processing, table
from services.payment.gateways import gateway

logger = Logger()


def retry_refund(command: Command) -> Command:
    """Attempt a refund anew that the gateway refused: REFUNDED, REFUND_REFUSED or REFUNDING.

    UNCHANGED with the payment's `status` where none was ever begun. What is refunded is not refunded again.
    """
    payments, cause = table.payments(), Cause(command["correlation_id"], command["causation_id"])
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


COMMANDS: Commands = {"retry_refund": retry_refund, "status": status}


def handler(event: Command, context: Any) -> Command:
    """One command. Raises UnknownCommandError, KeyError naming a missing field, GatewayFault, and what the table raises."""
    answer = run(COMMANDS, event)
    logger.info("command answered", command=event["command"], order_id=event["order_id"], outcome=answer["outcome"])
    return answer
