"""Commands: the choice of a command by its name, and each command's fields, read once into a typed value.

Example:

    @dataclass(frozen=True, kw_only=True)
    class Capture(OrderCommand):
        decision: object = None

    COMMANDS = {"capture": reading(Capture, capture)}
    handle = command_handler(COMMANDS)
    handle({"command": "capture", "order_id": "ord-...", ...}, context)
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, Final, TypedDict, TypeVar, cast, get_origin, get_type_hints

from typing_extensions import ReadOnly

from kernel import logs
from kernel.aggregate_store import Causation
from kernel.errors import BugError, RejectedError
from kernel.identifiers import ORDER_ID, PERSONAL, is_personal, shown
from kernel.logs import logger
from kernel.traces import correlation_id_of

Command = dict[str, object]
"""A command as its caller sends it: JSON."""


class Answer(TypedDict):
    """The part that every command's answer has. The type of each command states its outcomes and what belongs to them."""

    outcome: ReadOnly[str]


Commands = Mapping[str, Callable[[Command], Answer]]
"""The function of each command, by its name."""
C = TypeVar("C")
MAX_ID_LENGTH: Final = 200
"""Of a correlation or causation id, as the events' schemas have it."""

RETRIES: Final = "retries"
"""The field by which the saga says how often it has repeated the command before. Only the log has it, as the attempt."""
OF_AN_ACT: Final = ("actor", "reason")
"""The fields by which an operator's command says who sends it, and why. Only the log has them."""


class UnknownCommandError(BugError):
    """A command that the function does not have: caller and service were deployed out of step."""


class InvalidCommandError(RejectedError, ValueError):
    """A command with a field that no caller of ours sends. The text names the field."""


@dataclass(frozen=True, kw_only=True)
class OrderQuery:
    """A command that only reads: `order_id` is `ord-` and 26 of a-z 2-7."""

    order_id: str

    def __post_init__(self) -> None:
        if not ORDER_ID.fullmatch(self.order_id):
            raise InvalidCommandError("order_id: not an order's id, which is ord- and 26 of a-z 2-7")


@dataclass(frozen=True, kw_only=True)
class OrderCommand(OrderQuery):
    """A command that moves an order, its payment or its stock. Both ids have 1 to 200 characters."""

    correlation_id: str
    causation_id: str

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("correlation_id", correlation_id_of(self.correlation_id)), ("causation_id", self.causation_id)):
            if not 1 <= len(value) <= MAX_ID_LENGTH:
                raise InvalidCommandError(f"{name}: must have 1 to {MAX_ID_LENGTH} characters")

    @property
    def causation(self) -> Causation:
        """The cause of the events that the command leads to."""
        return Causation(self.correlation_id, self.causation_id)


@dataclass(frozen=True, kw_only=True)
class OperatorOrderCommand(OrderCommand):
    """A command of an operator, whose ids are no card number and no e-mail address: rows and events keep them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_personal(correlation_id=self.correlation_id, causation_id=self.causation_id)


def refuse_personal(**ids: str) -> None:
    """Refuse ids that would be stored with personal data in them. Raises InvalidCommandError."""
    for name, value in ids.items():
        if is_personal(value):
            raise InvalidCommandError(f"{name}: {PERSONAL}")


def dispatch(commands: Commands, event: Command) -> Answer:
    """Run the command that `event["command"]` names and return its answer. Raises UnknownCommandError."""
    name = event.get("command")
    command = commands.get(name) if isinstance(name, str) else None
    if command is None:
        raise UnknownCommandError(f"{name!r} is not one of {', '.join(commands)}")
    return command(event)


def command_handler(commands: Commands) -> Callable[[Command, object], Answer]:
    """Return the Lambda handler that runs one command and logs its outcome. It raises what `dispatch` and the command raise."""

    def handle(event: Command, context: object) -> Answer:
        _log(event)
        answer = dispatch(commands, event)
        logger.info("command answered", outcome=answer["outcome"])
        return answer

    return handle


def _log(event: Command) -> None:
    """Write the command's name and ids into the lines of its log, as far as they are fit for it."""
    thread, cause = event.get("correlation_id"), event.get("causation_id")
    if isinstance(thread, str) and isinstance(cause, str):
        logs.follow(thread, cause)
        logs.add(correlation_id=shown(correlation_id_of(thread)), causation_id=shown(cause))
    names = ("command", "order_id", *(OF_AN_ACT if "actor" in event else ()))
    logs.add(**{name: shown(event[name]) for name in names if name in event})
    retries = event.get(RETRIES)
    if isinstance(retries, int):
        logs.add(attempt=retries + 1)


def reading(kind: type[C], run: Callable[[C], Answer]) -> Callable[[Command], Answer]:
    """Return `run` as a command that reads its fields into the dataclass `kind` first."""
    return lambda event: run(read(kind, event))


def read(kind: type[C], event: Command) -> C:
    """Return the dataclass `kind` with the command's fields. Raises InvalidCommandError naming the field.

    A field of type `object` takes any JSON value; its user checks it.
    """
    values: dict[str, object] = {}
    for name, (expected, is_required) in _fields_of(cast(Hashable, kind)).items():
        if name not in event and not is_required:
            continue
        value = event.get(name)
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not object):
            raise InvalidCommandError(f"{name}: missing or of the wrong type; see functions/commands.py of the service")
        values[name] = value
    return kind(**values)


@cache
def _fields_of(kind: Hashable) -> dict[str, tuple[type, bool]]:
    """Return each field's type, and whether the command must have it."""
    hints = {name: get_origin(hint) or hint for name, hint in get_type_hints(kind).items()}
    return {field.name: (hints[field.name], field.default is MISSING) for field in fields(cast(Any, kind))}
