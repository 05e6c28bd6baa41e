"""The choice of a command by its name, for functions that take several."""

from collections.abc import Callable, Mapping
from typing import Any

Command = dict[str, Any]
Commands = Mapping[str, Callable[[Command], Command]]
"""What each command does, by its name."""


class UnknownCommandError(ValueError):
    """A command that the function does not have: caller and service were deployed out of step."""


def run(commands: Commands, event: Command) -> Command:
    """Run the command that `event["command"]` names and return its answer. Raises UnknownCommandError."""
    command = commands.get(event.get("command", ""))
    if command is None:
        raise UnknownCommandError(f"{event.get('command')!r} is not one of {', '.join(commands)}")
    return command(event)
