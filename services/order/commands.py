"""The order's commands: the saga's steps on the order's row. Each answers `{"outcome": ...}`."""

from collections.abc import Callable
from typing import Any

from services.kernel import clock
from services.kernel.rows import Cause, Decide, Row
from services.order import decisions, identity, table

Command = dict[str, Any]


class UnknownCommand(ValueError):
    """A command that this function does not have: the caller and this service were deployed out of step."""


class UnknownOrder(LookupError):
    """A step was asked for of an order that is not there."""


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
    return _advance(command, lambda row: decisions.decide_to_cancel(row, command["reason"], clock.now()))


def wait(command: Command) -> Command:
    """Let a back-order wait, on the evidence that its stock is waited for, no longer than its money is set aside."""
    payment, stock = command.get("payment", {}), command["stock"]
    return _advance(command, lambda row: decisions.wait(row, stock, clock.now(), payment))


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
