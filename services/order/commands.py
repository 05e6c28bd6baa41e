"""The order's commands: the saga's steps on the order's row. Each answers `{"outcome": ...}`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from services.kernel import clock
from services.kernel.rows import Cause, Decide, Row
from services.kernel.settings import from_environment
from services.order import decisions, identity, states, table

Command = dict[str, Any]


class UnknownCommand(ValueError):
    """A command that this function does not have: the caller and this service were deployed out of step."""


class UnknownOrder(LookupError):
    """A step was asked for of an order that is not there."""


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
    """The order's durable state, as a resumed saga begins from it: FOUND or NOT_FOUND."""
    row = table.orders().get(command["order_id"])
    if row is None:
        return {"outcome": "NOT_FOUND", "decision": None}
    names = ("order_id", "status", "correlation_id", "total", "payment_token")
    lines = [{"sku": line["sku"], "quantity": line["quantity"]} for line in row["lines"]]
    causation_id = identity.placed_event_id(row["order_id"])
    found = {name: row[name] for name in names}
    about = {"lines": lines, "if_short": row.get("if_short", decisions.REJECT)}
    decision = {"outcome": row["status"], "reason": row.get("reason"), "total": row["total"]}
    return {"outcome": "FOUND", **found, "causation_id": causation_id, **about, "decision": decision}


def decide(command: Command) -> Command:
    """The one decision, CONFIRM or CANCEL: the status that the order has after it, whoever won."""
    if command["decision"] == "CONFIRM":
        payment, stock = command.get("payment", {}), command["stock"]
        return _advance(command, lambda row: decisions.decide_to_confirm(row, stock, clock.now(), payment))
    return _advance(command, lambda row: decisions.turn_down(row, command["evidence"], clock.now()))


def wait(command: Command) -> Command:
    """Let a back-order wait, on the evidence that its stock is waited for, or end it if this try began after its deadline."""
    payment, stock, tried_at = command.get("payment", {}), command["stock"], command["tried_at"]
    return _advance(command, lambda row: decisions.wait(row, stock, tried_at, limits(), clock.now(), payment))


def unavailable(command: Command) -> Command:
    """Record that a try got no answer, or end the order if this try began after its deadline: its status after that.

    Raises ValueError for a reason that is not one of `decisions.UNAVAILABLE`.
    """
    reason, tried_at = command["reason"], command["tried_at"]
    if reason not in decisions.UNAVAILABLE:
        raise ValueError(f"{reason!r} is not one of {', '.join(sorted(decisions.UNAVAILABLE))}")
    answer = _advance(command, lambda row: decisions.expire(row, reason, tried_at, limits(), clock.now()))
    if answer["outcome"] in states.UNDECIDED:
        table.orders().record_unavailable(command["order_id"], reason)
    return answer


def refuse(command: Command) -> Command:
    """Turn a confirming order back, on the evidence that its capture was refused."""
    return _advance(command, lambda row: decisions.refuse(row, command["reason"], command["payment"]))


def confirm(command: Command) -> Command:
    """Finish forward, on the evidence of money captured and stock committed."""
    return _advance(command, lambda row: decisions.confirm(row, command["payment"], command["stock"]))


def cancel(command: Command) -> Command:
    """Finish backward, on the evidence that money and stock are let go."""
    return _advance(command, lambda row: decisions.cancel(row, command["payment"], command["stock"]))


COMMANDS: dict[str, Callable[[Command], Command]] = {
    "load": load,
    "decide": decide,
    "wait": wait,
    "unavailable": unavailable,
    "refuse": refuse,
    "confirm": confirm,
    "cancel": cancel,
}


def handler(event: Command, context: Any) -> Command:
    """One command. Raises UnknownCommand, UnknownOrder, and what the table raises."""
    command = COMMANDS.get(event.get("command", ""))
    if command is None:
        raise UnknownCommand(f"{event.get('command')!r} is not one of {', '.join(COMMANDS)}")
    return command(event)


def _advance(command: Command, choose: Callable[[Row], Any]) -> Command:
    order_id = command["order_id"]

    def step(row: Row | None) -> Any:
        if row is None:
            raise UnknownOrder(f"there is no order {order_id}")
        return choose(row)

    chosen: Decide = step
    row = table.orders().advance(order_id, chosen, Cause(command["correlation_id"], command["causation_id"]))
    assert row is not None
    return {"outcome": row["status"], "reason": row.get("reason"), "total": row["total"]}
