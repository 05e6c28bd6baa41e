"""The notification service's commands, all of them the operator's: the suppression list. Each answers `{"outcome": ...}`.

Each carries an `address`, which enters no log.
"""

from aws_lambda_powertools import Logger

from kernel import clock
from kernel.commands import Answer, Command, Commands, dispatch
from services.notification.storage import table
from services.notification.storage.suppressions import OPERATOR

logger = Logger()


def suppression(command: Command) -> Command:
    """Whether mails go to the address: ALLOWED, or SUPPRESSED with `reason` and `since`."""
    row = table.suppressions().get(command["address"])
    if row is None:
        return {"outcome": "ALLOWED"}
    return {"outcome": "SUPPRESSED", "reason": row["reason"], "since": row["since"]}


def suppress(command: Command) -> Command:
    """Let no mail go to the address: SUPPRESSED, with the weightiest reason there is."""
    table.suppressions().add(command["address"], OPERATOR, clock.now())
    return suppression(command)


def allow(command: Command) -> Command:
    """Let mails go to the address again: ALLOWED."""
    table.suppressions().remove(command["address"])
    return suppression(command)


COMMANDS: Commands = {"suppression": suppression, "suppress": suppress, "allow": allow}


def handler(event: Command, context: object) -> Answer:
    """One command. Raises UnknownCommandError, KeyError naming a missing field, and what the table raises."""
    answer = dispatch(COMMANDS, event)
    logger.info("command answered", command=event["command"], outcome=answer["outcome"])
    return answer
