"""The payment's commands: the saga's steps. Each answers `{"outcome": ...}`, with its receipt.

Money moves on the order's own statement only: its receipt is checked before the row is written or the gateway is called.
An exception is a fault; the same command again is always safe, and is how an unknown outcome becomes known.
"""

from dataclasses import dataclass

from aws_lambda_powertools import Logger

from kernel.commands import Answer, Command, Commands, InvalidCommandError, OrderCommand, dispatch, reading
from kernel.money import Money
from kernel.receipts import CANCELLING, CONFIRMING, Kind, receipts
from services.payment.domain.gateway import Intent
from services.payment.gateways.factory import gateway
from services.payment.storage import table
from services.payment.use_cases import processor

logger = Logger()


@dataclass(frozen=True, kw_only=True)
class Authorize(OrderCommand):
    """`payable` is the order's statement with its receipt."""

    payable: object = None


@dataclass(frozen=True, kw_only=True)
class Settle(OrderCommand):
    """`decision` is the order's statement with its receipt: CONFIRMING to capture, CANCELLING to void."""

    decision: object = None


def authorize(command: Authorize) -> Answer:
    """Set aside what the order states is to be paid: AUTHORIZED, DECLINED or VOIDED."""
    order_id = command.order_id
    payable = receipts().check(Kind.PAYABLE, order_id, command.payable)
    intent = Intent(order_id, Money.from_dict(payable["total"]), payable["payment_token"])
    if intent.total.amount < 0:
        raise InvalidCommandError(f"payable.total: {intent.total} is negative")
    return _stated(order_id, processor.authorize(table.payments(), gateway(), intent, command.causation))


def capture(command: Settle) -> Answer:
    """Take the total that the order decided on, at most what was set aside: CAPTURED, CAPTURE_REFUSED or VOIDED."""
    order_id = command.order_id
    decision = receipts().check(Kind.DECISION, order_id, command.decision, CONFIRMING)
    total = Money.from_dict(decision["total"])
    return _stated(order_id, processor.capture(table.payments(), gateway(), order_id, command.causation, total))


def void(command: Settle) -> Answer:
    """Void the authorisation, even a late one, of an order that is CANCELLING: VOIDED, DECLINED or CAPTURED."""
    order_id = command.order_id
    receipts().check(Kind.DECISION, order_id, command.decision, CANCELLING)
    return _stated(order_id, processor.void(table.payments(), gateway(), order_id, command.causation))


COMMANDS: Commands = {
    "authorize": reading(Authorize, authorize),
    "capture": reading(Settle, capture),
    "void": reading(Settle, void),
}


def handler(event: Command, context: object) -> Answer:
    """Do one command.

    Raises UnknownCommandError, InvalidCommandError, ReceiptRefusedError, GatewayFaultError, what the table raises.
    """
    answer = dispatch(COMMANDS, event)
    logger.info("command answered", command=event["command"], order_id=event["order_id"], outcome=answer["outcome"])
    return answer


def _stated(order_id: str, answer: Answer) -> Answer:
    return receipts().issue(Kind.PAYMENT, order_id, answer)
