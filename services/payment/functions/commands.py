"""The payment's commands: the saga's steps. Each answers `{"outcome": ...}`, with its receipt.

Money moves on the order's own statement only: its receipt is checked before the row is written or the gateway is called.
An exception is a fault; the same command again is always safe, and is how an unknown outcome becomes known.
"""

from typing import Any

from aws_lambda_powertools import Logger

from kernel.commands import Command, Commands, InvalidCommandError, cause_of, dispatch, order_id_of
from kernel.money import Money
from kernel.receipts import CANCELLING, CONFIRMING, Kind, receipts
from services.payment.domain.gateway import Intent
from services.payment.gateways.factory import gateway
from services.payment.storage import table
from services.payment.use_cases import processor

logger = Logger()


def authorize(command: Command) -> Command:
    """Set aside what the order states is to be paid: AUTHORIZED, DECLINED or VOIDED."""
    order_id, cause = order_id_of(command), cause_of(command)
    payable = receipts().check(Kind.PAYABLE, order_id, command.get("payable"))
    intent = Intent(order_id, Money.from_dict(payable["total"]), payable["payment_token"])
    if intent.total.amount < 0:
        raise InvalidCommandError(f"payable.total: {intent.total} is negative")
    return _stated(order_id, processor.authorize(table.payments(), gateway(), intent, cause))


def capture(command: Command) -> Command:
    """Take the total that the order decided on, at most what was set aside: CAPTURED, CAPTURE_REFUSED or VOIDED."""
    order_id, cause = order_id_of(command), cause_of(command)
    decision = receipts().check(Kind.DECISION, order_id, command.get("decision"), CONFIRMING)
    total = Money.from_dict(decision["total"])
    return _stated(order_id, processor.capture(table.payments(), gateway(), order_id, cause, total))


def void(command: Command) -> Command:
    """Let go of what is or may yet be set aside for an order that is CANCELLING: VOIDED, DECLINED or CAPTURED."""
    order_id, cause = order_id_of(command), cause_of(command)
    receipts().check(Kind.DECISION, order_id, command.get("decision"), CANCELLING)
    return _stated(order_id, processor.void(table.payments(), gateway(), order_id, cause))


COMMANDS: Commands = {
    "authorize": authorize,
    "capture": capture,
    "void": void,
}


def handler(event: Command, context: Any) -> Command:
    """Do one command.

    Raises UnknownCommandError, InvalidCommandError, ReceiptRefusedError, GatewayFaultError, what the table raises.
    """
    answer = dispatch(COMMANDS, event)
    logger.info("command answered", command=event["command"], order_id=event["order_id"], outcome=answer["outcome"])
    return answer


def _stated(order_id: str, answer: Command) -> Command:
    return receipts().issue(Kind.PAYMENT, order_id, answer)
