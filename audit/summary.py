"""The figures of a stage: counts and sums over its rows, without malformed rows, which the findings list."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Literal, TypedDict

from audit.row_faults import faults_of_record, without_faults
from audit.row_forms import KnownRow, LedgerRecord, StoredRow, ledger_record
from audit.row_kinds import COUNTERS
from audit.snapshot import Snapshot
from audit.tables import LEDGER, SERVICES
from services.inventory.domain import states as stock
from services.order.domain import states as order
from services.order.domain.model import OrderRow

PAID_BACK = ("REFUNDED", "OUTSIDE")
Sum = Literal[
    "orders",
    "reasons",
    "fulfilment",
    "confirmed",
    "captured",
    "refunded",
    "payments",
    "reservations",
    "stock",
    "shipments",
    "mails",
]
"""The name of a sum, which has a value for each status, currency or kind that there is."""


class Figures(TypedDict):
    """Counts of rows by their status, reason or kind, and sums of money by currency in minor units."""

    orders: dict[str, int]
    reasons: dict[str, int]
    fulfilment: dict[str, int]
    confirmed: dict[str, int]
    captured: dict[str, int]
    refunded: dict[str, int]
    kept: dict[str, int]
    payments: dict[str, int]
    reservations: dict[str, int]
    stock: dict[str, int]
    replenishments: int
    shipments: dict[str, int]
    mails: dict[str, int]
    pending_events: int
    dead_letters: dict[str, int | None]


class Summary:
    """The figures, to which rows are added one by one, in any order."""

    def __init__(self) -> None:
        self._sums: defaultdict[Sum, Counter[str]] = defaultdict(Counter)
        self._replenishments = self._pending = 0

    def add(self, table: str, row: StoredRow) -> None:
        """Add a row of one of `TABLES`, unless it is malformed."""
        if table == LEDGER:
            if not any(faults_of_record(row)):
                self._add_record(ledger_record(row))
        elif (known := without_faults(table, row)) is not None:
            pending = row.get("pending")
            self._pending += len(pending) if isinstance(pending, list) else 0
            self._add_row(known)

    def _add_row(self, known: KnownRow) -> None:
        match known:
            case ("ORDER", placed):
                self._add_order(placed)
            case ("PAY", payment):
                self._sums["payments"][payment["status"]] += 1
            case ("RES", reservation):
                self._sums["reservations"][reservation["status"]] += 1
            case ("SKU" | "SHARD", counted):
                for counter in COUNTERS:
                    self._sums["stock"][counter] += counted[counter]
            case ("REPL", replenishment):
                self._replenishments += replenishment["status"] == stock.REPLENISHED
            case ("SHIP", shipment):
                self._sums["shipments"][shipment["status"]] += 1
            case ("NOTE", note):
                self._sums["mails"][f"{note['kind']} {note['status']}"] += 1

    def _add_order(self, row: OrderRow) -> None:
        self._sums["orders"][row["status"]] += 1
        if "reason" in row:
            self._sums["reasons"][row["reason"]] += 1
        if row["status"] == order.CONFIRMED:
            self._sums["fulfilment"][row["fulfilment"]] += 1
            self._sums["confirmed"][row["total"]["currency"]] += row["total"]["amount"]

    def _add_record(self, record: LedgerRecord) -> None:
        if record["outcome"] == "CAPTURED":
            self._sums["captured"][record["currency"]] += record["amount"]
        if record["outcome"] in PAID_BACK:
            self._sums["refunded"][record["currency"]] += record["amount"]

    def figures(self, dead_letters: Mapping[str, int | None]) -> Figures:
        """Return orders by status and reason, money by currency in minor units, stock, parcels, mails, and pending events."""
        captured, refunded = self._sorted("captured"), self._sorted("refunded")
        return {
            "orders": self._sorted("orders"),
            "reasons": self._sorted("reasons"),
            "fulfilment": self._sorted("fulfilment"),
            "confirmed": self._sorted("confirmed"),
            "captured": captured,
            "refunded": refunded,
            "kept": {currency: amount - refunded.get(currency, 0) for currency, amount in captured.items()},
            "payments": self._sorted("payments"),
            "reservations": self._sorted("reservations"),
            "stock": self._sorted("stock"),
            "replenishments": self._replenishments,
            "shipments": self._sorted("shipments"),
            "mails": self._sorted("mails"),
            "pending_events": self._pending,
            "dead_letters": {name: count for name, count in sorted(dead_letters.items()) if count != 0},
        }

    def _sorted(self, name: Sum) -> dict[str, int]:
        return dict(sorted(self._sums[name].items()))


def figures(snapshot: Snapshot) -> Figures:
    """Return the figures of a snapshot."""
    summary = Summary()
    for table in (*SERVICES, LEDGER):
        for row in snapshot.table(table):
            summary.add(table, row)
    return summary.figures(snapshot.dead_letters)
