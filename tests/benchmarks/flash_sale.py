"""Flash sales of one SKU: the writes on the busiest key, and what 64 buyers at once leave unsold.

The inventory's own commands run on a simulated DynamoDB. The contention model: while a buyer's write is under way, other buyers
go on with some probability. A transaction that meets a write on one of its keys is cancelled as a conflict.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from botocore.exceptions import ClientError

from kernel.aggregate_store import ContentionError
from kernel.receipts import CANCELLING, CONFIRMING, Keys, Kind, Receipts
from kernel.statements import StockStatement
from operations.benchmarks import Figure, Result
from services.inventory.domain.states import HELD
from services.inventory.functions.commands import Reserve, Settle, StockCommands
from services.inventory.functions.operator import OperatorCommands, Replenish, Split
from services.inventory.storage.shards import Shards
from services.inventory.storage.skus import Skus
from services.inventory.storage.table import Levels, Replenishments, Reservations
from services.inventory.use_cases.levels import StockAlerts
from services.inventory.use_cases.split_stock import KnownSplits, SplitStock
from simulation.engine.dynamodb import DynamoDB
from tests.support.audited_stage import Client

SKU: Final = "MUG"
BUYERS: Final = 64
SALES: Final = 500
ORDERS: Final = 1_000
PROCESSES: Final = 16
"""The Lambda functions that share the orders, each with what it knows of the shards."""
LETTERS: Final = str.maketrans("0123456789", "abcdefghij")
"""The digits of a number as letters that an order's id can have."""
TRIES: Final = 3
"""How often the saga sends a command before the order is cancelled as unavailable."""
MEETS: Final = 0.5
"""How probably another buyer goes on during a write."""
RECEIPTS: Final = Receipts(Keys(lambda: "the stage's key", lambda: ["the stage's key"]))


@dataclass
class Sale:
    """A sale of so many units in so many rows. `written` counts the writes on each key, refused ones too."""

    random: Random
    units: int
    rows: int
    written: Counter[str] = field(default_factory=Counter)
    waiting: list[int] = field(default_factory=list)
    oversold: int = 0
    unsold: int = 0
    unavailable: int = 0
    depth: int = 0
    lowest: list[int] = field(default_factory=list)
    """For each command under way, the least units that were available since it began."""

    def __post_init__(self) -> None:
        self.tables = DynamoDB()
        self.tables.create("inventory")
        self.client = Contended(self)
        known = [KnownSplits() for _ in range(PROCESSES)]
        split_stock = SplitStock(Skus(self.client, "inventory"), Shards(self.client, "inventory", pause=self.pause))
        reservations = Reservations(self.client, "inventory", pause=self.pause)
        self.processes = [StockCommands(reservations, RECEIPTS, split_stock, one) for one in known]
        alerts = StockAlerts(split_stock.skus, Levels(self.client, "inventory"))
        operator = OperatorCommands(Replenishments(self.client, "inventory"), alerts, split_stock)
        operator.replenish(Replenish(replenishment_id="all", items=[{"sku": SKU, "quantity": self.units}]))
        if self.rows > 1:
            operator.split(Split(sku=SKU, shards=self.rows))
        self.written.clear()

    def pause(self, seconds: float) -> None:
        """Let other buyers go on while one waits to try again."""
        self.meet()

    @property
    def available(self) -> int:
        """The units that are available in all rows."""
        rows = self.tables.tables["inventory"].rows
        return sum(int(row["available"]["N"]) for key, row in rows.items() if str(key).startswith(("SKU#", "SHARD#")))

    def run(self, buyers: int) -> None:
        """Let the buyers come, one after the other or amid each other's writes."""
        self.waiting = list(range(buyers))
        self.random.shuffle(self.waiting)
        while self.waiting:
            self.buy(self.waiting.pop())
        self.oversold += max(0, self.sold - self.units)

    @property
    def sold(self) -> int:
        """The units that are held or sold by reservations."""
        rows = self.tables.tables["inventory"].rows
        return sum(
            int(line["M"]["quantity"]["N"])
            for key, row in rows.items()
            if str(key).startswith("RES#") and row["status"]["S"] in (HELD, "COMMITTED")
            for line in row["lines"]["L"]
        )

    def meet(self) -> None:
        """Perhaps let another buyer go on now."""
        if self.waiting and self.depth < BUYERS and self.random.random() < MEETS:
            self.depth += 1
            self.buy(self.waiting.pop())
            self.depth -= 1

    def buy(self, number: int) -> None:
        """Reserve for one buyer, then commit or release, as the saga does."""
        order_id, wants = f"ord-{number:026}".translate(LETTERS), self.random.choice((1, 1, 1, 2))
        process = self.processes[number % PROCESSES]
        self.lowest.append(self.available)
        about: Mapping[str, Any] = {"order_id": order_id, "correlation_id": "sale", "causation_id": order_id}
        asked = {"lines": [{"sku": SKU, "quantity": wants}], "if_short": "REJECT"}
        wanted = RECEIPTS.issue(Kind.WANTED, order_id, asked)
        answer = self._tried(lambda: process.reserve(Reserve(**about, wanted=wanted)))
        lowest = self.lowest.pop()
        if answer is None:
            self.unavailable += 1
            return
        if answer["outcome"] != HELD:
            self.unsold += wants if lowest >= wants else 0
            return
        settle, outcome = (process.commit, CONFIRMING) if self.random.random() < 0.9 else (process.release, CANCELLING)
        decision = RECEIPTS.issue(Kind.DECISION, order_id, {"outcome": outcome, "reason": None, "total": None})
        self._tried(lambda: settle(Settle(**about, decision=decision, before=answer)))

    def _tried(self, command: Callable[[], StockStatement]) -> StockStatement | None:
        for _ in range(TRIES):
            try:
                return command()
            except ContentionError:
                self.pause(0)
        return None


class Contended(Client):
    """The client of a sale."""

    def __init__(self, sale: Sale) -> None:
        super().__init__(sale.tables)
        self.sale = sale

    def __getattr__(self, method: str) -> Any:
        call, sale = super().__getattr__(method), self.sale

        def contended(**request: Any) -> Any:
            keys = keys_of(request) if method in ("transact_write_items", "update_item") else []
            before = [sale.written[key] for key in keys]
            sale.written.update(keys)
            if keys:
                sale.meet()
            met = any(sale.written[key] > count + 1 for key, count in zip(keys, before, strict=True))
            if met and method == "transact_write_items":
                reasons = [{"Code": "TransactionConflict"}] * len(keys)
                raise ClientError(
                    {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}, "TransactWriteItems"
                )
            try:
                return call(**request)
            finally:
                available = sale.available
                sale.lowest[:] = [min(lowest, available) for lowest in sale.lowest]

        return contended


def keys_of(request: Mapping[str, Any]) -> list[str]:
    """Return the keys that a request writes."""
    actions = [next(iter(action.values())) for action in request.get("TransactItems", ())] or [request]
    return [action["Key"]["pk"]["S"] for action in actions if "Key" in action]


def hottest(rows: int) -> int:
    """Return the writes on the busiest key of stock in a sale of 1,000 orders without conflicts."""
    sale = Sale(Random(1), 2 * ORDERS, rows)
    sale.depth = BUYERS  # none amid another
    sale.run(ORDERS)
    return max(count for key, count in sale.written.items() if key.startswith(("SKU#", "SHARD#")))


def measure(sales: int = SALES) -> Result:
    """Measure the figures."""
    oversold = unsold = unavailable = 0
    for seed in range(sales):
        random = Random(seed)
        sale = Sale(random, random.randrange(20, 90), random.choice((1, 2, 4, 8)))
        sale.run(BUYERS)
        oversold, unsold, unavailable = oversold + sale.oversold, unsold + sale.unsold, unavailable + sale.unavailable
    return Result(
        f"{sales} sales to {BUYERS} buyers, a half of the writes met by another buyer; {PROCESSES} processes",
        (
            Figure("writes on the hottest key, 1,000 orders, 1 shard", "writes", hottest(1), 2_100),
            Figure("writes on the hottest key, 1,000 orders, 8 shards", "writes", hottest(8), 262),
            Figure(f"orders sold over the stock, {sales} sales", "orders", oversold, 0),
            Figure(f"units unsold while wanted, {sales} sales", "units", unsold, 0),
            Figure(f"orders cancelled as unavailable, {sales} sales", "orders", unavailable, 0),
        ),
    )
