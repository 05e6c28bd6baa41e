"""The figures of a stage: counts and sums over its rows, without malformed rows, which the findings list."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from audit.row_faults import faults_of, faults_of_record
from audit.row_kinds import COUNTERS
from audit.snapshot import Snapshot
from audit.tables import LEDGER, SERVICES
from kernel.aggregate_store import Row
from services.inventory.domain import states as stock
from services.order.domain import states as order

Figures = dict[str, Any]
PAID_BACK = ("REFUNDED", "OUTSIDE")


class Summary:
    """The figures, to which rows are added one by one, in any order."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._replenishments = self._pending = 0

    def add(self, table: str, row: Row) -> None:
        """Add a row of one of `TABLES`, unless it is malformed."""
        if table == LEDGER:
            if not any(faults_of_record(row)):
                self._add_record(row)
        elif not any(faults_of(table, row)):
            self._pending += len(row.get("pending", ()))
            self._add_row(row)

    def _add_row(self, row: Row) -> None:
        match row["pk"].partition("#")[0]:
            case "ORDER":
                self._add_order(row)
            case "PAY":
                self._sums["payments"][row["status"]] += 1
            case "RES":
                self._sums["reservations"][row["status"]] += 1
            case "SKU" | "SHARD":
                for counter in COUNTERS:
                    self._sums["stock"][counter] += row[counter]
            case "REPL":
                self._replenishments += row["status"] == stock.REPLENISHED
            case "SHIP":
                self._sums["shipments"][row["status"]] += 1
            case "NOTE":
                self._sums["mails"][f"{row['kind']} {row['status']}"] += 1

    def _add_order(self, row: Row) -> None:
        self._sums["orders"][row["status"]] += 1
        if "reason" in row:
            self._sums["reasons"][row["reason"]] += 1
        if row["status"] == order.CONFIRMED:
            self._sums["fulfilment"][row["fulfilment"]] += 1
            self._sums["confirmed"][row["total"]["currency"]] += row["total"]["amount"]

    def _add_record(self, record: Row) -> None:
        if record["outcome"] == "CAPTURED":
            self._sums["captured"][record["currency"]] += record["amount"]
        if record["outcome"] in PAID_BACK:
            self._sums["refunded"][record["currency"]] += record["amount"]

    def figures(self, dead_letters: Mapping[str, int | None]) -> Figures:
        """Return orders by status and reason, money by currency in minor units, stock, parcels, mails, and pending events."""
        captured, refunded = self._sorted("captured"), self._sorted("refunded")
        return {
            **{name: self._sorted(name) for name in ("orders", "reasons", "fulfilment", "confirmed")},
            "captured": captured,
            "refunded": refunded,
            "kept": {currency: amount - refunded.get(currency, 0) for currency, amount in captured.items()},
            **{name: self._sorted(name) for name in ("payments", "reservations", "stock")},
            "replenishments": self._replenishments,
            **{name: self._sorted(name) for name in ("shipments", "mails")},
            "pending_events": self._pending,
            "dead_letters": {name: count for name, count in sorted(dead_letters.items()) if count != 0},
        }

    def _sorted(self, name: str) -> dict[str, int]:
        return dict(sorted(self._sums[name].items()))


def figures(snapshot: Snapshot) -> Figures:
    """Return the figures of a snapshot."""
    summary = Summary()
    for table in (*SERVICES, LEDGER):
        for row in snapshot.table(table):
            summary.add(table, row)
    return summary.figures(snapshot.dead_letters)
