"""The operator's stock-keeping commands. Each returns `{"outcome": ...}`; repeating a command is always safe.

They are a function of their own: the saga's role cannot invoke it, and the operator's role cannot reserve or release.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypedDict

from kernel.aggregate_store import Causation
from kernel.clients import Clients
from kernel.commands import Commands, InvalidCommandError, command_handler, reading, refuse_personal
from kernel.handler import Handler, lambda_handler
from kernel.identifiers import ID_FORM, shown
from kernel.settings import from_environment
from kernel.statements import Quantity
from services.inventory.domain import decisions
from services.inventory.domain.stock import MAX_QUANTITY, MAX_ROWS, SKU_PATTERN, check_sku, merge
from services.inventory.storage.shards import Shards
from services.inventory.storage.skus import Skus
from services.inventory.storage.table import Levels, Replenishments
from services.inventory.use_cases.levels import StockAlerts
from services.inventory.use_cases.split_stock import SplitStock


@dataclass(frozen=True)
class OperatorSettings:
    """The inventory's table."""

    table_name: str


@dataclass(frozen=True, kw_only=True)
class Replenish:
    """A delivery: its id, and the units of each SKU. Without a correlation or causation id, its own id serves."""

    replenishment_id: str
    items: list[Quantity]
    correlation_id: str = ""
    causation_id: str = ""

    def __post_init__(self) -> None:
        refuse_personal(correlation_id=self.correlation_id, causation_id=self.causation_id)
        if not SKU_PATTERN.fullmatch(self.replenishment_id):
            raise InvalidCommandError(f"{shown(self.replenishment_id)} is not a replenishment id: it {ID_FORM}")
        refuse_personal(replenishment_id=self.replenishment_id)

    @property
    def causation(self) -> Causation:
        """The cause of the delivery's event."""
        return Causation(self.correlation_id or self.replenishment_id, self.causation_id or self.replenishment_id)


@dataclass(frozen=True, kw_only=True)
class Split:
    """A SKU, and the number of rows over which its stock is to be split; 1 merges it."""

    sku: str
    shards: object


@dataclass(frozen=True, kw_only=True)
class Watch:
    """A SKU, and the threshold in units, 0 for none."""

    sku: str
    threshold: object
    correlation_id: str
    causation_id: str

    def __post_init__(self) -> None:
        refuse_personal(correlation_id=self.correlation_id, causation_id=self.causation_id)


class Replenished(TypedDict):
    """The status of a delivery, REPLENISHED, as `outcome`."""

    outcome: str


class Watched(TypedDict):
    """The level of a SKU, ENOUGH or LOW, as `outcome`, and its threshold in units."""

    outcome: str
    threshold: int


class Spread(TypedDict):
    """The number of rows that hold a SKU's stock."""

    outcome: Literal["SPLIT", "MERGED"]
    shards: int


@dataclass(frozen=True)
class OperatorCommands:
    """The operator's commands."""

    replenishments: Replenishments
    alerts: StockAlerts
    split_stock: SplitStock

    @property
    def table(self) -> Commands:
        """Each command by its name."""
        return {
            "replenish": reading(Replenish, self.replenish),
            "watch": reading(Watch, self.watch),
            "split": reading(Split, self.split),
        }

    def replenish(self, command: Replenish) -> Replenished:
        """Add the items of a delivery to the stock, once for each `replenishment_id`: REPLENISHED."""
        replenishment_id, arrived = command.replenishment_id, merge(command.items)
        row = self.replenishments.apply_step(
            replenishment_id,
            lambda row, seen: decisions.replenish(row, replenishment_id, arrived),
            command.causation,
            presume_absent=True,
        )
        return {"outcome": row["status"]}

    def watch(self, command: Watch) -> Watched:
        """Publish an event whenever less than `threshold` units of a SKU are available: ENOUGH or LOW. 0 disables it."""
        sku, threshold = check_sku(command.sku), command.threshold
        if not isinstance(threshold, int) or isinstance(threshold, bool) or not 0 <= threshold <= MAX_QUANTITY:
            raise ValueError(f"the threshold of {sku} is {threshold!r}; it must be an integer from 0 to {MAX_QUANTITY}")
        row = self.alerts.set_threshold(sku, threshold, Causation(command.correlation_id, command.causation_id))
        return {"outcome": row["status"], "threshold": row["threshold"]}

    def split(self, command: Split) -> Spread:
        """Split the stock of a SKU over `shards` rows, or merge it: SPLIT or MERGED, with the number of rows.

        A SKU for which orders wait stays merged.
        """
        sku, rows = check_sku(command.sku), command.shards
        if not isinstance(rows, int) or isinstance(rows, bool) or not 1 <= rows <= MAX_ROWS:
            raise ValueError(f"the stock of {sku} cannot have {rows!r} shards; it must be an integer from 1 to {MAX_ROWS}")
        rows = self.split_stock.split(sku, rows)
        return {"outcome": "SPLIT" if rows > 1 else "MERGED", "shards": rows}


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of a command.

    It raises UnknownCommandError, InvalidCommandError, InvalidLinesError, and what the table raises.
    """
    table_name = from_environment(OperatorSettings, environ).table_name
    skus = Skus(clients.dynamodb, table_name)
    split_stock = SplitStock(skus, Shards(clients.dynamodb, table_name))
    alerts = StockAlerts(skus, Levels(clients.dynamodb, table_name))
    return command_handler(OperatorCommands(Replenishments(clients.dynamodb, table_name), alerts, split_stock).table)


handler = lambda_handler(bootstrap)
