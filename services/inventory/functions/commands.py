"""The saga's commands on stock. Each returns `{"outcome": ...}` with its receipt.

Goods move only on the order's own statement: its receipt is checked before anything is written. An exception is a fault;
repeating a command is always safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kernel.clients import Clients
from kernel.commands import Commands, InvalidCommandError, OrderCommand, command_handler, reading
from kernel.handler import Handler, lambda_handler
from kernel.receipts import CANCELLING, CONFIRMING, Kind, Receipts, receipts_of
from kernel.secrets import Secrets
from kernel.settings import from_environment
from kernel.statements import StockStatement
from services.inventory.domain import decisions
from services.inventory.domain.decisions import ReservationStep
from services.inventory.domain.model import ReservationRow
from services.inventory.domain.stock import ObservedStock, merge
from services.inventory.storage.shards import Shards
from services.inventory.storage.skus import Skus
from services.inventory.storage.table import Reservations
from services.inventory.use_cases.split_stock import KnownSplits, SplitStock


@dataclass(frozen=True)
class CommandsSettings:
    """The inventory's table, and the ARN of the secret that holds the receipts' key."""

    table_name: str
    receipt_key_arn: str


@dataclass(frozen=True, kw_only=True)
class Reserve(OrderCommand):
    """`wanted` is the order's statement with its receipt."""

    wanted: object = None


@dataclass(frozen=True, kw_only=True)
class Settle(OrderCommand):
    """`decision` is the order's statement with its receipt: CONFIRMING to commit, CANCELLING to release.

    `before` is the reservation's own latest statement, with the row that the step is taken on.
    """

    decision: object = None
    before: object = None


@dataclass(frozen=True)
class StockCommands:
    """The saga's commands. Each checks the order's statement first, and raises ReceiptRefusedError without its receipt."""

    reservations: Reservations
    receipts: Receipts
    split_stock: SplitStock
    known: KnownSplits = field(default_factory=KnownSplits)

    @property
    def table(self) -> Commands:
        """Each command by its name."""
        return {
            "reserve": reading(Reserve, self.reserve),
            "commit": reading(Settle, self.commit),
            "release": reading(Settle, self.release),
        }

    def reserve(self, command: Reserve) -> StockStatement:
        """Reserve the order's lines: HELD, REJECTED with the `short` SKUs, or the status of an earlier reservation.

        If some lines are short, the order's `if_short` decides: ALLOW_PARTIAL holds the available part (HELD with fewer
        `lines`), BACK_ORDER waits for all of it (WAITING).
        """
        order_id, causation = command.order_id, command.causation
        stated = self.receipts.check(Kind.WANTED, order_id, command.wanted)
        wanted, if_short = merge(stated["lines"]), stated["if_short"]
        if if_short not in decisions.IF_SHORT:
            raise InvalidCommandError(f"wanted.if_short: {if_short!r} is not one of {', '.join(decisions.IF_SHORT)}")
        turn = self.known.next_turn(order_id)

        def decide(row: ReservationRow | None, seen: ObservedStock) -> ReservationStep | None:
            known, correlation_id = self.known.after(seen), causation.correlation_id
            return decisions.reserve(row, seen, order_id, wanted, if_short, correlation_id, known, turn, self.known.watched)

        row = self.split_stock.merging_if_short(
            lambda: self.reservations.apply_step(order_id, decide, causation, presume_absent=True), self.known
        )
        return self._issue(command, decisions.answer(row))

    def commit(self, command: Settle) -> StockStatement:
        """Sell the stock of an order that is CONFIRMING: COMMITTED, or RELEASED or RESTOCKED if it was released before."""
        self.receipts.check(Kind.DECISION, command.order_id, command.decision, CONFIRMING)
        row = self.reservations.apply_step(command.order_id, decisions.commit, command.causation, row=self._seen(command))
        return self._issue(command, {"outcome": row["status"]})

    def release(self, command: Settle) -> StockStatement:
        """Release the stock that a CANCELLING order holds, waits for or was sold: RELEASED or RESTOCKED."""
        order_id, causation = command.order_id, command.causation
        self.receipts.check(Kind.DECISION, order_id, command.decision, CANCELLING)
        row = self.reservations.apply_step(
            order_id,
            lambda row, seen: decisions.release(row, seen, order_id, causation.correlation_id),
            causation,
            row=self._seen(command),
        )
        return self._issue(command, {"outcome": row["status"]})

    def _seen(self, command: Settle) -> ReservationRow | None:
        """Return the row in the reservation's latest statement. Raises ReceiptRefusedError for one that is not its own."""
        return self.receipts.row_in(Kind.STOCK, command.order_id, command.before, ReservationRow)

    def _issue(self, command: OrderCommand, statement: StockStatement) -> StockStatement:
        return self.receipts.issue(Kind.STOCK, command.order_id, statement)


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of a command.

    It raises UnknownCommandError, InvalidCommandError, ReceiptRefusedError, InvalidLinesError, and what the table raises.
    """
    settings = from_environment(CommandsSettings, environ)
    reservations = Reservations(clients.dynamodb, settings.table_name)
    split_stock = SplitStock(Skus(clients.dynamodb, settings.table_name), Shards(clients.dynamodb, settings.table_name))
    receipts = receipts_of(Secrets(clients).prepare(), settings.receipt_key_arn)
    return command_handler(StockCommands(reservations, receipts, split_stock).table)


handler = lambda_handler(bootstrap)
