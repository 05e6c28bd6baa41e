"""The order's commands: the saga's steps on the order's row. Each answers `{"outcome": ...}`, with its receipt.

A command acts on the evidence of another service. It checks the receipt of the evidence before it writes anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, NotRequired, TypedDict

from kernel import clock
from kernel.aggregate_store import Decision
from kernel.clients import Clients
from kernel.commands import Commands, InvalidCommandError, OrderCommand, OrderQuery, command_handler, reading
from kernel.handler import Handler, lambda_handler
from kernel.receipts import Kind, Receipts, receipts_of
from kernel.secrets import Secrets
from kernel.settings import from_environment
from kernel.statements import OrderStatement, Payable, PaymentStatement, StockStatement, Wanted
from services.order.domain import decisions, identity, states
from services.order.domain.decisions import Limits
from services.order.domain.model import OrderRow
from services.order.storage.table import Orders
from services.order.workflow.statements import Statements


@dataclass(frozen=True)
class Settings:
    """The table, the receipts' key, and after how many seconds an undecided order and a back-order expire."""

    table_name: str
    receipt_key_arn: str
    abort_after_seconds: int = 600
    back_ordered_for_seconds: int = 6 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Step(OrderCommand):
    """A step on the row that is in `before`, the order's latest statement. It is read if there is no such statement."""

    before: object = None


@dataclass(frozen=True, kw_only=True)
class Decide(Step):
    """`decision` is CONFIRM, on the statements of payment and stock, or CANCEL, on the refusal of either as `evidence`."""

    decision: str = ""
    payment: object = None
    stock: object = None
    evidence: object = None


@dataclass(frozen=True, kw_only=True)
class Wait(OrderCommand):
    """`tried_at` names the sweeper's try, as the order's row has it; it is empty in a live run."""

    payment: object = None
    stock: object = None
    tried_at: str = ""


@dataclass(frozen=True, kw_only=True)
class Unavailable(OrderCommand):
    """`payable` is the order's own statement, which only a run of this very order has."""

    payable: object = None
    reason: str = ""
    tried_at: str = ""


@dataclass(frozen=True, kw_only=True)
class Refuse(Step):
    """`payment` is the payment's statement that its capture was refused."""

    payment: object = None


@dataclass(frozen=True, kw_only=True)
class Finish(Step):
    """The statements of payment and stock, by which the order is confirmed or cancelled."""

    payment: object = None
    stock: object = None


class Loaded(TypedDict):
    """The statements of an order, and the ids of the cause of its saga. NOT_FOUND has an empty decision alone."""

    outcome: Literal["FOUND", "NOT_FOUND"]
    order_id: NotRequired[str]
    status: NotRequired[str]
    correlation_id: NotRequired[str]
    causation_id: NotRequired[str]
    payable: NotRequired[Payable]
    wanted: NotRequired[Wanted]
    decision: OrderStatement | None


class OrderCommands:
    """The saga's steps on an order, by their names."""

    def __init__(self, orders: Orders, receipts: Receipts, limits: Limits) -> None:
        self.orders, self.receipts, self.limits = orders, receipts, limits
        self.statements = Statements(receipts)
        self.table: Commands = {
            "load": reading(OrderQuery, self.load),
            "decide": reading(Decide, self.decide),
            "wait": reading(Wait, self.wait),
            "unavailable": reading(Unavailable, self.unavailable),
            "refuse": reading(Refuse, self.refuse),
            "confirm": reading(Finish, self.confirm),
            "cancel": reading(Finish, self.cancel),
        }

    def load(self, command: OrderQuery) -> Loaded:
        """Return the order's statements, from which a resumed saga begins: FOUND or NOT_FOUND."""
        row = self.orders.get(command.order_id)
        if row is None:
            return {"outcome": "NOT_FOUND", "decision": None}
        return {
            "outcome": "FOUND",
            "order_id": row["order_id"],
            "status": row["status"],
            "correlation_id": row["correlation_id"],
            "causation_id": identity.placed_event_id(row["order_id"]),
            "payable": self.statements.payable(row),
            "wanted": self.statements.wanted(row),
            "decision": self.statements.decision(row),
        }

    def decide(self, command: Decide) -> OrderStatement:
        """Take the one decision, CONFIRM or CANCEL; answer the order's status after it, whichever decision was first."""
        match command.decision:
            case "CONFIRM":
                payment = self.receipts.check(Kind.PAYMENT, command.order_id, command.payment)
                stock = self.receipts.check(Kind.STOCK, command.order_id, command.stock)
                return self._apply(command, lambda row: decisions.decide_to_confirm(row, stock, clock.now(), payment))
            case "CANCEL":
                refusal = self._refusal(command)
                return self._apply(command, lambda row: decisions.turn_down(row, refusal, clock.now()))
        raise InvalidCommandError("decision: must be CONFIRM or CANCEL")

    def wait(self, command: Wait) -> OrderStatement:
        """Let a back-order wait for stock that is WAITING, or end it if this try began after its deadline."""
        payment = self.receipts.check(Kind.PAYMENT, command.order_id, command.payment)
        stock = self.receipts.check(Kind.STOCK, command.order_id, command.stock)
        return self._apply(command, lambda row: decisions.wait(row, stock, command.tried_at, self.limits, clock.now(), payment))

    def unavailable(self, command: Unavailable) -> OrderStatement:
        """Record that a try got no answer, or end the order if this try began after its deadline; answer the status after it.

        Raises InvalidCommandError for any other reason.
        """
        self.receipts.check(Kind.PAYABLE, command.order_id, command.payable)
        reason = command.reason
        if not decisions.is_unavailable(reason):
            raise InvalidCommandError(f"reason: {reason!r} is not one of INVENTORY_UNAVAILABLE, PAYMENT_UNAVAILABLE")
        answer = self._apply(command, lambda row: decisions.expire(row, reason, command.tried_at, self.limits, clock.now()))
        if answer["outcome"] in states.UNDECIDED:
            self.orders.record_unavailable(command.order_id, reason)
        return answer

    def refuse(self, command: Refuse) -> OrderStatement:
        """Turn a confirming order back, because its capture was refused."""
        payment = self.receipts.check(Kind.PAYMENT, command.order_id, command.payment)
        return self._apply(command, lambda row: decisions.revert_to_cancelling(row, "CAPTURE_REFUSED", payment["outcome"]))

    def confirm(self, command: Finish) -> OrderStatement:
        """Confirm the order. Requires payment CAPTURED and stock COMMITTED."""
        payment, stock = self._settled(command)
        return self._apply(command, lambda row: decisions.confirm(row, payment["outcome"], stock["outcome"]))

    def cancel(self, command: Finish) -> OrderStatement:
        """Cancel the order. Requires payment VOIDED or DECLINED, and stock RELEASED or RESTOCKED."""
        payment, stock = self._settled(command)
        return self._apply(command, lambda row: decisions.cancel(row, payment["outcome"], stock["outcome"]))

    def _refusal(self, command: Decide) -> PaymentStatement | StockStatement:
        """Return the refusal; its outcome shows if it is payment's or inventory's. Raises ReceiptRefusedError."""
        evidence = command.evidence
        if isinstance(evidence, dict) and evidence.get("outcome") in decisions.REFUSALS_OF_PAYMENT:
            return self.receipts.check(Kind.PAYMENT, command.order_id, evidence)
        return self.receipts.check(Kind.STOCK, command.order_id, evidence)

    def _settled(self, command: Finish) -> tuple[PaymentStatement, StockStatement]:
        """Return what became of the order's money and goods. Raises ReceiptRefusedError."""
        payment = self.receipts.check(Kind.PAYMENT, command.order_id, command.payment)
        stock = self.receipts.check(Kind.STOCK, command.order_id, command.stock)
        return payment, stock

    def _apply(self, command: OrderCommand, decide: Callable[[OrderRow], Decision | None]) -> OrderStatement:
        """Take the step and state the decision. Raises UnknownAggregateError, and ReceiptRefusedError for a forged `before`."""
        order_id, before = command.order_id, command.before if isinstance(command, Step) else None
        seen = self.statements.row_in(order_id, before)
        return self.statements.decision(self.orders.apply(order_id, decide, command.causation, seen=seen))


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of one command.

    It raises UnknownCommandError, InvalidCommandError, ReceiptRefusedError, UnknownAggregateError, and what the table raises.
    """
    settings = from_environment(Settings, environ)
    seconds = settings.abort_after_seconds, settings.back_ordered_for_seconds
    orders = Orders(clients.dynamodb, settings.table_name)
    receipts = receipts_of(Secrets(clients).prepare(), settings.receipt_key_arn)
    return command_handler(OrderCommands(orders, receipts, Limits(*(timedelta(seconds=each) for each in seconds))).table)


handler = lambda_handler(bootstrap)
