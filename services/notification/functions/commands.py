"""The operator's commands on the suppression list. Each returns `{"outcome": ...}`, and its `address` is never logged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

from kernel import clock
from kernel.clients import Clients
from kernel.commands import Commands, command_handler, reading
from kernel.handler import Handler, lambda_handler
from services.notification.storage.suppressions import OPERATOR, SuppressionReason, Suppressions
from services.notification.storage.table import suppressions_of


@dataclass(frozen=True, kw_only=True)
class AddressCommand:
    """A command about an e-mail address."""

    address: str


class Suppression(TypedDict):
    """The state of an address. `since` is in RFC 3339 (UTC)."""

    outcome: Literal["ALLOWED", "SUPPRESSED"]
    reason: NotRequired[SuppressionReason]
    since: NotRequired[str]


class SuppressionCommands:
    """The commands, by name in `table`."""

    def __init__(self, suppressions: Suppressions) -> None:
        self.suppressions = suppressions
        self.table: Commands = {
            "suppression": reading(AddressCommand, self.suppression),
            "suppress": reading(AddressCommand, self.suppress),
            "allow": reading(AddressCommand, self.allow),
        }

    def suppression(self, command: AddressCommand) -> Suppression:
        """Return ALLOWED, or SUPPRESSED with `reason` and `since`."""
        row = self.suppressions.get(command.address)
        if row is None:
            return {"outcome": "ALLOWED"}
        return {"outcome": "SUPPRESSED", "reason": row["reason"], "since": row["since"]}

    def suppress(self, command: AddressCommand) -> Suppression:
        """Suppress the address; return SUPPRESSED with its highest-ranking reason."""
        self.suppressions.add(command.address, OPERATOR, clock.now())
        return self.suppression(command)

    def allow(self, command: AddressCommand) -> Suppression:
        """Allow mails to the address again; return ALLOWED."""
        self.suppressions.remove(command.address)
        return self.suppression(command)


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of a command. It raises UnknownCommandError, InvalidCommandError, and botocore's errors."""
    return command_handler(SuppressionCommands(suppressions_of(clients, environ)).table)


handler = lambda_handler(bootstrap)
