"""The operator's commands on payments. Each returns `{"outcome": ...}`; repeating a command is always safe.

They are a function of their own: the saga's role cannot invoke it, and the operator's role cannot capture or void.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NotRequired, TypedDict

from kernel import clock
from kernel.clients import Clients
from kernel.commands import Commands, InvalidCommandError, OperatorOrderCommand, OrderQuery, command_handler, reading
from kernel.handler import Handler, lambda_handler
from kernel.identifiers import is_personal
from kernel.money import MoneyDict
from kernel.settings import from_environment
from kernel.statements import PaymentStatement
from services.payment.domain import decisions, states
from services.payment.domain.model import PaymentRow, Settlement
from services.payment.gateways.factory import GatewayFactory, gateway_of
from services.payment.storage.table import Payments
from services.payment.use_cases.processor import PaymentProcessor

REFERENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
REASON: Final = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True)
class OperatorSettings:
    """The payments' table."""

    table_name: str


@dataclass(frozen=True, kw_only=True)
class SettleRefund(OperatorOrderCommand):
    """`reference` names the proof of a payment outside the gateway; `reason` is a word, empty if there is none."""

    reference: str
    reason: str = ""

    @property
    def settlement(self) -> Settlement:
        """The settlement. Raises InvalidCommandError if a part is malformed or personal."""
        for name, text, pattern in (("reference", self.reference, REFERENCE), ("reason", self.reason, REASON)):
            if (text or name == "reference") and (not pattern.fullmatch(text) or is_personal(text)):
                raise InvalidCommandError(f"{name}: must match {pattern.pattern}, and be no card number or e-mail address")
        return {"reference": self.reference, "reason": self.reason} if self.reason else {"reference": self.reference}


class Unchanged(TypedDict):
    """The status of a payment without a refund, or None if there is no payment."""

    outcome: Literal["UNCHANGED"]
    status: str | None


class SettledRefund(TypedDict):
    """The proof of a payment outside the gateway."""

    outcome: Literal["SETTLED", "SETTLING"]
    reference: str


class NoPayment(TypedDict):
    """The answer for an order without a payment."""

    outcome: Literal["NOT_FOUND"]


class FoundPayment(TypedDict):
    """A payment as it is stored. Times are in RFC 3339 (UTC)."""

    outcome: Literal["FOUND"]
    order_id: str
    status: str
    total: NotRequired[MoneyDict]
    reason: NotRequired[str]
    version: int
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class OperatorCommands:
    """The operator's commands. Those on a refund raise what the table raises."""

    processor: PaymentProcessor

    @property
    def table(self) -> Commands:
        """Each command by its name."""
        return {
            "retry_refund": reading(OperatorOrderCommand, self.retry_refund),
            "settle_refund": reading(SettleRefund, self.settle_refund),
            "status": reading(OrderQuery, self.status),
        }

    def retry_refund(self, command: OperatorOrderCommand) -> PaymentStatement | Unchanged:
        """Retry a refund that the gateway refused: REFUNDED, REFUND_REFUSED or REFUNDING.

        UNCHANGED with the payment's `status` if no refund was begun. A refunded payment is not refunded again.
        """
        payments, causation = self.processor.payments, command.causation
        row = payments.get(command.order_id)
        if row is None:
            return _unchanged(row)
        row = payments.apply(
            command.order_id, lambda row: decisions.retry_refund(row, causation, clock.now()), causation, seen=row
        )
        row = self.processor.refund(row)
        if row["status"] not in decisions.AFTER_REFUND:
            return _unchanged(row)
        return decisions.answer(row, decisions.AFTER_REFUND)

    def settle_refund(self, command: SettleRefund) -> SettledRefund | PaymentStatement | Unchanged:
        """End a refund after the customer was paid outside the gateway: SETTLED.

        SETTLING while calls to the gateway may be under way: the sweeper ends it after 15 minutes. REFUNDED if the gateway
        paid after all. UNCHANGED with the payment's `status` if no refund was begun. Raises InvalidCommandError for a malformed
        reference or reason.
        """
        settlement, payments, causation = command.settlement, self.processor.payments, command.causation
        order_id, now = command.order_id, clock.now()
        row = payments.get(order_id)
        if row is None:
            return _unchanged(row)
        row = payments.apply(
            order_id, lambda row: decisions.intend_settlement(row, settlement, causation, now), causation, seen=row
        )
        row = self.processor.refund(row)
        if row["status"] not in decisions.AFTER_REFUND:
            return _unchanged(row)
        if "settlement" not in row:
            return decisions.answer(row, decisions.AFTER_REFUND)
        return {
            "outcome": "SETTLED" if row["status"] == states.REFUNDED else "SETTLING",
            "reference": row["settlement"]["reference"],
        }

    def status(self, command: OrderQuery) -> FoundPayment | NoPayment:
        """Return the payment as it is stored: FOUND without its token, or NOT_FOUND."""
        row = self.processor.payments.get(command.order_id)
        if row is None:
            return {"outcome": "NOT_FOUND"}
        found: FoundPayment = {
            "outcome": "FOUND",
            "order_id": row["order_id"],
            "status": row["status"],
            "version": row["version"],
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
        }
        if "total" in row:
            found["total"] = row["total"]
        if "reason" in row:
            found["reason"] = row["reason"]
        return found


def _unchanged(row: PaymentRow | None) -> Unchanged:
    return {"outcome": "UNCHANGED", "status": row["status"] if row else None}


def bootstrap(clients: Clients, environ: Mapping[str, str], make_gateway: GatewayFactory = gateway_of) -> Handler:
    """Return the handler of a command.

    It raises UnknownCommandError, InvalidCommandError, GatewayFaultError, and what the table raises.
    """
    settings = from_environment(OperatorSettings, environ)
    processor = PaymentProcessor(Payments(clients.dynamodb, settings.table_name), make_gateway(clients, environ))
    return command_handler(OperatorCommands(processor).table)


handler = lambda_handler(bootstrap)
