"""The order's commands: the saga's steps on the order's row. Each answers `{"outcome": ...}`, with its receipt.

A command acts on the evidence that another service stated, whose receipt is checked before anything is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from kernel import clock
from kernel.aggregate_store import Decision
from kernel.commands import Answer, Command, Commands, InvalidCommandError, OrderCommand, OrderQuery, dispatch, reading
from kernel.receipts import Kind, receipts
from kernel.settings import from_environment
from kernel.statements import PaymentStatement, StockStatement
from services.order.domain import decisions, identity, states
from services.order.domain.model import OrderRow
from services.order.storage import table
from services.order.workflow.statements import decision, payable, wanted


@dataclass(frozen=True)
class Settings:
    """After how many seconds an undecided order expires, and one that waits for stock."""

    abort_after_seconds: int = 600
    back_ordered_for_seconds: int = 6 * 24 * 3600


@cache
def limits() -> decisions.Limits:
    """Return the limits this function was deployed with."""
    settings = from_environment(Settings)
    seconds = settings.abort_after_seconds, settings.back_ordered_for_seconds
    return decisions.Limits(*(timedelta(seconds=each) for each in seconds))


@dataclass(frozen=True, kw_only=True)
class Decide(OrderCommand):
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
class Refuse(OrderCommand):
    """`payment` is the payment's statement that its capture was refused."""

    payment: object = None


@dataclass(frozen=True, kw_only=True)
class Finish(OrderCommand):
    """The statements of payment and stock, by which the order is confirmed or cancelled."""

    payment: object = None
    stock: object = None


def load(command: OrderQuery) -> Answer:
    """Return the order's statements, from which a resumed saga begins: FOUND or NOT_FOUND."""
    row = table.orders().get(command.order_id)
    if row is None:
        return {"outcome": "NOT_FOUND", "decision": None}
    found = {name: row[name] for name in ("order_id", "status", "correlation_id")}
    stated = {"payable": payable(row), "wanted": wanted(row), "decision": decision(row)}
    return {"outcome": "FOUND", **found, "causation_id": identity.placed_event_id(row["order_id"]), **stated}


def decide(command: Decide) -> Answer:
    """Take the one decision, CONFIRM or CANCEL; answer the order's status after it, whichever decision was first."""
    match command.decision:
        case "CONFIRM":
            payment = receipts().check(Kind.PAYMENT, command.order_id, command.payment)
            stock = receipts().check(Kind.STOCK, command.order_id, command.stock)
            return _apply(command, lambda row: decisions.decide_to_confirm(row, stock, clock.now(), payment))
        case "CANCEL":
            refusal = _refusal(command)
            return _apply(command, lambda row: decisions.turn_down(row, refusal, clock.now()))
    raise InvalidCommandError("decision: must be CONFIRM or CANCEL")


def wait(command: Wait) -> Answer:
    """Let a back-order wait for stock that is WAITING, or end it if this try began after its deadline."""
    payment = receipts().check(Kind.PAYMENT, command.order_id, command.payment)
    stock = receipts().check(Kind.STOCK, command.order_id, command.stock)
    return _apply(command, lambda row: decisions.wait(row, stock, command.tried_at, limits(), clock.now(), payment))


def unavailable(command: Unavailable) -> Answer:
    """Record that a try got no answer, or end the order if this try began after its deadline; answer the status after it.

    Raises InvalidCommandError for any other reason.
    """
    receipts().check(Kind.PAYABLE, command.order_id, command.payable)
    reason = command.reason
    if not decisions.is_unavailable(reason):
        raise InvalidCommandError(f"reason: {reason!r} is not one of INVENTORY_UNAVAILABLE, PAYMENT_UNAVAILABLE")
    answer = _apply(command, lambda row: decisions.expire(row, reason, command.tried_at, limits(), clock.now()))
    if answer["outcome"] in states.UNDECIDED:
        table.orders().record_unavailable(command.order_id, reason)
    return answer


def refuse(command: Refuse) -> Answer:
    """Turn a confirming order back, because its capture was refused."""
    payment = receipts().check(Kind.PAYMENT, command.order_id, command.payment)
    return _apply(command, lambda row: decisions.revert_to_cancelling(row, "CAPTURE_REFUSED", payment["outcome"]))


def confirm(command: Finish) -> Answer:
    """Confirm the order. Requires payment CAPTURED and stock COMMITTED."""
    payment, stock = _settled(command)
    return _apply(command, lambda row: decisions.confirm(row, payment["outcome"], stock["outcome"]))


def cancel(command: Finish) -> Answer:
    """Cancel the order. Requires payment VOIDED or DECLINED, and stock RELEASED or RESTOCKED."""
    payment, stock = _settled(command)
    return _apply(command, lambda row: decisions.cancel(row, payment["outcome"], stock["outcome"]))


COMMANDS: Commands = {
    "load": reading(OrderQuery, load),
    "decide": reading(Decide, decide),
    "wait": reading(Wait, wait),
    "unavailable": reading(Unavailable, unavailable),
    "refuse": reading(Refuse, refuse),
    "confirm": reading(Finish, confirm),
    "cancel": reading(Finish, cancel),
}


def handler(event: Command, context: object) -> Answer:
    """Do one command.

    Raises UnknownCommandError, InvalidCommandError, ReceiptRefusedError, UnknownAggregateError, what the table raises.
    """
    return dispatch(COMMANDS, event)


def _refusal(command: Decide) -> PaymentStatement | StockStatement:
    """Return the refusal of payment or inventory; its outcome says whose it is. Raises ReceiptRefusedError."""
    evidence = command.evidence
    if isinstance(evidence, dict) and evidence.get("outcome") in decisions.REFUSALS_OF_PAYMENT:
        return receipts().check(Kind.PAYMENT, command.order_id, evidence)
    return receipts().check(Kind.STOCK, command.order_id, evidence)


def _settled(command: Finish) -> tuple[PaymentStatement, StockStatement]:
    """Return what became of the order's money and goods. Raises ReceiptRefusedError."""
    order_id = command.order_id
    return receipts().check(Kind.PAYMENT, order_id, command.payment), receipts().check(Kind.STOCK, order_id, command.stock)


def _apply(command: OrderCommand, decide: Callable[[OrderRow], Decision | None]) -> Answer:
    """Take the step and state the decision. Raises UnknownAggregateError."""
    return decision(table.orders().apply(command.order_id, decide, command.causation))
