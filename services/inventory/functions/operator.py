"""The operator's stock-keeping commands. Each answers `{"outcome": ...}`.

They are a function of their own: the saga's role cannot invoke it, and the operator's role cannot reserve or release.
The same command again is always safe.
"""

from aws_lambda_powertools import Logger

from kernel.aggregate_store import Causation
from kernel.commands import Answer, Command, Commands, dispatch
from services.inventory.domain import decisions
from services.inventory.domain.stock import MAX_QUANTITY, SKU_PATTERN, check_sku, merge
from services.inventory.storage import table
from services.inventory.use_cases import levels

logger = Logger()


def replenish(command: Command) -> Command:
    """Take in the items of a delivery, once for each `replenishment_id`: REPLENISHED."""
    replenishment_id: str = command["replenishment_id"]
    arrived = merge(command["items"])
    if not SKU_PATTERN.fullmatch(replenishment_id):
        raise ValueError(f"{replenishment_id!r} is not a replenishment id: 1 to 64 of A-Z a-z 0-9 . _ -")
    cause = Causation(command.get("correlation_id") or replenishment_id, command.get("causation_id") or replenishment_id)
    row = table.replenishments().move(
        replenishment_id, lambda row, seen: decisions.replenish(row, replenishment_id, arrived), cause, presume_absent=True
    )
    return {"outcome": row["status"]}


def watch(command: Command) -> Command:
    """Publish from now on when less than `threshold` of a SKU is available: ENOUGH or LOW. 0 publishes never."""
    sku, threshold = command["sku"], command["threshold"]
    check_sku(sku)
    if not isinstance(threshold, int) or isinstance(threshold, bool) or not 0 <= threshold <= MAX_QUANTITY:
        raise ValueError(f"the threshold of {sku} is {threshold!r}; it must be an integer from 0 to {MAX_QUANTITY}")
    row = levels.watch(sku, threshold, Causation(command["correlation_id"], command["causation_id"]))
    return {"outcome": row["status"], "threshold": row["threshold"]}


COMMANDS: Commands = {"replenish": replenish, "watch": watch}


def handler(event: Command, context: object) -> Answer:
    """One command.

    Raises UnknownCommandError, InvalidLinesError, KeyError naming a missing field, and what the table raises.
    """
    answer = dispatch(COMMANDS, event)
    logger.info("command answered", command=event["command"], outcome=answer["outcome"])
    return answer
