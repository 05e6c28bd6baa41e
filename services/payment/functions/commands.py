"""The saga's commands on payments. Each returns `{"outcome": ...}` with its receipt.

Money moves only on the order's own statement: its receipt is checked before the item is written or the gateway is called. An
exception is a fault. Repeating a command is always safe, and makes an unknown outcome known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel.clients import Clients
from kernel.commands import Commands, InvalidCommandError, OrderCommand, command_handler, reading
from kernel.handler import Handler, lambda_handler
from kernel.money import Money
from kernel.receipts import CANCELLING, CONFIRMING, Kind, Receipts, receipts_of
from kernel.secrets import Secrets
from kernel.settings import from_environment
from kernel.statements import PaymentStatement
from services.payment.domain.gateway import Intent
from services.payment.domain.model import PaymentRow
from services.payment.gateways.factory import GatewayFactory, gateway_of
from services.payment.storage.table import Payments
from services.payment.use_cases.processor import PaymentProcessor


@dataclass(frozen=True)
class CommandsSettings:
    """The payments' table, and the ARN of the secret that holds the receipts' key."""

    table_name: str
    receipt_key_arn: str


@dataclass(frozen=True, kw_only=True)
class Authorize(OrderCommand):
    """`payable` is the order's statement with its receipt."""

    payable: object = None


@dataclass(frozen=True, kw_only=True)
class Settle(OrderCommand):
    """`decision` is the order's statement with its receipt: CONFIRMING to capture, CANCELLING to void.

    `before` is the payment's own latest statement, with the row that the step is taken on.
    """

    decision: object = None
    before: object = None


@dataclass(frozen=True)
class PaymentCommands:
    """The saga's commands. Each checks the order's statement first, and raises ReceiptRefusedError without its receipt."""

    processor: PaymentProcessor
    receipts: Receipts

    @property
    def table(self) -> Commands:
        """Each command by its name."""
        return {
            "authorize": reading(Authorize, self.authorize),
            "capture": reading(Settle, self.capture),
            "void": reading(Settle, self.void),
        }

    def authorize(self, command: Authorize) -> PaymentStatement:
        """Set the order's payable total aside: AUTHORIZED, DECLINED or VOIDED."""
        payable = self.receipts.check(Kind.PAYABLE, command.order_id, command.payable)
        intent = Intent(command.order_id, Money.from_dict(payable["total"]), payable["payment_token"])
        if intent.total.amount < 0:
            raise InvalidCommandError(f"payable.total: {intent.total} is negative")
        return self._issue(command, self.processor.authorize(intent, command.causation))

    def capture(self, command: Settle) -> PaymentStatement:
        """Capture the total of the order's decision, at most the authorised one: CAPTURED, CAPTURE_REFUSED or VOIDED."""
        decision = self.receipts.check(Kind.DECISION, command.order_id, command.decision, CONFIRMING)
        total = Money.from_dict(decision["total"])
        return self._issue(command, self.processor.capture(command.order_id, command.causation, total, self._seen(command)))

    def void(self, command: Settle) -> PaymentStatement:
        """Release the money of an order that is CANCELLING: VOIDED, DECLINED or CAPTURED."""
        self.receipts.check(Kind.DECISION, command.order_id, command.decision, CANCELLING)
        return self._issue(command, self.processor.void(command.order_id, command.causation, self._seen(command)))

    def _seen(self, command: Settle) -> PaymentRow | None:
        """Return the row in the payment's latest statement. Raises ReceiptRefusedError for a statement that is not its own."""
        return self.receipts.row_in(Kind.PAYMENT, command.order_id, command.before, PaymentRow)

    def _issue(self, command: OrderCommand, statement: PaymentStatement) -> PaymentStatement:
        return self.receipts.issue(Kind.PAYMENT, command.order_id, statement)


def bootstrap(clients: Clients, environ: Mapping[str, str], make_gateway: GatewayFactory = gateway_of) -> Handler:
    """Return the handler of a command.

    It raises UnknownCommandError, InvalidCommandError, ReceiptRefusedError, GatewayFaultError, and what the table raises.
    """
    settings = from_environment(CommandsSettings, environ)
    processor = PaymentProcessor(Payments(clients.dynamodb, settings.table_name), make_gateway(clients, environ))
    return command_handler(PaymentCommands(processor, receipts_of(Secrets(clients).prepare(), settings.receipt_key_arn)).table)


handler = lambda_handler(bootstrap)
