"""The order's commands: the saga's steps on the order's row. Each answers `{"outcome": ...}`, with its receipt.

A command acts on the evidence that another service stated, whose receipt is checked before anything is written.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from kernel import clock
from kernel.aggregate_store import Decision, Row
from kernel.commands import Command, Commands, InvalidCommandError, cause_of, dispatch, order_id_of
from kernel.receipts import Kind, Statement, receipts
from kernel.settings import from_environment
from services.order.domain import decisions, identity, states
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


def load(command: Command) -> Command:
    """Return what the order states, as a resumed saga begins from it: FOUND or NOT_FOUND."""
    row = table.orders().get(order_id_of(command))
    if row is None:
        return {"outcome": "NOT_FOUND", "decision": None}
    found = {name: row[name] for name in ("order_id", "status", "correlation_id")}
    stated = {"payable": payable(row), "wanted": wanted(row), "decision": decision(row)}
    return {"outcome": "FOUND", **found, "causation_id": identity.placed_event_id(row["order_id"]), **stated}


def decide(command: Command) -> Command:
    """Take the one decision, CONFIRM or CANCEL: the status that the order has after it, whoever won."""
    match command.get("decision"):
        case "CONFIRM":
            payment, stock = _stated(Kind.PAYMENT, command, "payment"), _stated(Kind.STOCK, command, "stock")
            return _advance(command, lambda row: decisions.decide_to_confirm(row, stock, clock.now(), payment))
        case "CANCEL":
            refusal = _refusal(command)
            return _advance(command, lambda row: decisions.turn_down(row, refusal, clock.now()))
    raise InvalidCommandError("decision: must be CONFIRM or CANCEL")


def wait(command: Command) -> Command:
    """Let a back-order wait, on the evidence that its stock is waited for, or end it if this try began after its deadline."""
    payment, stock = _stated(Kind.PAYMENT, command, "payment"), _stated(Kind.STOCK, command, "stock")
    tried_at = command.get("tried_at", "")
    return _advance(command, lambda row: decisions.wait(row, stock, tried_at, limits(), clock.now(), payment))


def unavailable(command: Command) -> Command:
    """Record that a try got no answer, or end the order if this try began after its deadline: its status after that.

    Raises InvalidCommandError for a reason that is not one of `decisions.UNAVAILABLE`.
    """
    _stated(Kind.PAYABLE, command, "payable")  # which only a run of this very order has
    reason, tried_at = command.get("reason"), command.get("tried_at", "")
    if reason not in decisions.UNAVAILABLE:
        raise InvalidCommandError(f"reason: {reason!r} is not one of {', '.join(sorted(decisions.UNAVAILABLE))}")
    answer = _advance(command, lambda row: decisions.expire(row, reason, tried_at, limits(), clock.now()))
    if answer["outcome"] in states.UNDECIDED:
        table.orders().record_unavailable(command["order_id"], reason)
    return answer


def refuse(command: Command) -> Command:
    """Turn a confirming order back, on the evidence that its capture was refused."""
    payment = _stated(Kind.PAYMENT, command, "payment")
    return _advance(command, lambda row: decisions.refuse(row, "CAPTURE_REFUSED", payment["outcome"]))


def confirm(command: Command) -> Command:
    """Finish forward, on the evidence of money captured and stock committed."""
    payment, stock = _stated(Kind.PAYMENT, command, "payment"), _stated(Kind.STOCK, command, "stock")
    return _advance(command, lambda row: decisions.confirm(row, payment["outcome"], stock["outcome"]))


def cancel(command: Command) -> Command:
    """Finish backward, on the evidence that money and stock are let go."""
    payment, stock = _stated(Kind.PAYMENT, command, "payment"), _stated(Kind.STOCK, command, "stock")
    return _advance(command, lambda row: decisions.cancel(row, payment["outcome"], stock["outcome"]))


COMMANDS: Commands = {
    "load": load,
    "decide": decide,
    "wait": wait,
    "unavailable": unavailable,
    "refuse": refuse,
    "confirm": confirm,
    "cancel": cancel,
}


def handler(event: Command, context: Any) -> Command:
    """Do one command.

    Raises UnknownCommandError, InvalidCommandError, ReceiptRefusedError, UnknownAggregateError, what the table raises.
    """
    return dispatch(COMMANDS, event)


def _stated(kind: Kind, command: Command, field: str) -> Statement:
    """Return what another service stated of this order, or the order itself. Raises ReceiptRefusedError."""
    return receipts().check(kind, order_id_of(command), command.get(field))


def _refusal(command: Command) -> Statement:
    """Return the refusal of payment or inventory; its outcome says whose it is. Raises ReceiptRefusedError."""
    evidence = command.get("evidence")
    of_payment = isinstance(evidence, dict) and evidence.get("outcome") in decisions.REFUSALS_OF_PAYMENT
    return _stated(Kind.PAYMENT if of_payment else Kind.STOCK, command, "evidence")


def _advance(command: Command, choose: Callable[[Row], Decision | None]) -> Command:
    return decision(table.orders().apply(order_id_of(command), choose, cause_of(command)))
