"""The choice of a command by its name, for functions that take several; and what each about an order names, checked."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from kernel.aggregate_store import Causation
from kernel.errors import BugError, RejectedError

Command = dict[str, Any]
Commands = Mapping[str, Callable[[Command], Command]]
"""What each command does, by its name."""
ORDER_ID: Final = re.compile(r"ord-[a-z2-7]{26}")
MAX_ID_LENGTH: Final = 200
"""Of a correlation or causation id, as the events' schemas have it."""


class UnknownCommandError(BugError):
    """A command that the function does not have: caller and service were deployed out of step."""


def dispatch(commands: Commands, event: Command) -> Command:
    """Run the command that `event["command"]` names and return its answer. Raises UnknownCommandError."""
    command = commands.get(event.get("command", ""))
    if command is None:
        raise UnknownCommandError(f"{event.get('command')!r} is not one of {', '.join(commands)}")
    return command(event)


class InvalidCommandError(RejectedError, ValueError):
    """A command whose fields no caller of ours sends. The text names the field."""


def field_of(command: Command, name: str, kind: type | tuple[type, ...]) -> Any:
    """Return the command's field. Raises InvalidCommandError where it is missing or of another type."""
    value = command.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InvalidCommandError(f"{name}: missing or of the wrong type; see services/*/commands.py for the fields")
    return value


def order_id_of(command: Command) -> str:
    """Return the order's id. Raises InvalidCommandError."""
    order_id: str = field_of(command, "order_id", str)
    if not ORDER_ID.fullmatch(order_id):
        raise InvalidCommandError("order_id: not an order's id, which is ord- and 26 of a-z 2-7")
    return order_id


def cause_of(command: Command) -> Causation:
    """Return what the step is caused by. Raises InvalidCommandError."""
    return Causation(_id(command, "correlation_id"), _id(command, "causation_id"))


def _id(command: Command, name: str) -> str:
    value: str = field_of(command, name, str)
    if not 1 <= len(value) <= MAX_ID_LENGTH:
        raise InvalidCommandError(f"{name}: must have 1 to {MAX_ID_LENGTH} characters")
    return value
