"""The figures of a stage: counts and sums over its rows, without malformed rows, which the findings list."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from audit.row_faults import faults_of, faults_of_record
from audit.row_kinds import COUNTERS
from audit.snapshot import Snapshot
from kernel.aggregate_store import Row
from kernel.naming import SERVICES
from services.inventory.domain import states as stock
from services.order.domain import states as order

Figures = dict[str, Any]


def figures(snapshot: Snapshot) -> Figures:
    """Count orders by status and reason, money by currency in minor units, stock, parcels, mails, and pending events."""
    good = {table: [row for row in snapshot.table(table) if not any(faults_of(table, row))] for table in SERVICES}
    orders = _rows(good, "order", "ORDER")
    captured, refunded = _recorded(snapshot, "CAPTURED"), _recorded(snapshot, "REFUNDED", "OUTSIDE")
    return {
        "orders": _count(row["status"] for row in orders),
        "reasons": _count(row["reason"] for row in orders if "reason" in row),
        "fulfilment": _count(row["fulfilment"] for row in orders if row["status"] == order.CONFIRMED),
        "confirmed": _sum(
            (row["total"]["currency"], row["total"]["amount"]) for row in orders if row["status"] == order.CONFIRMED
        ),
        "captured": captured,
        "refunded": refunded,
        "kept": {currency: amount - refunded.get(currency, 0) for currency, amount in captured.items()},
        "payments": _count(row["status"] for row in _rows(good, "payment", "PAY")),
        "reservations": _count(row["status"] for row in _rows(good, "inventory", "RES")),
        "stock": _sum((counter, row[counter]) for row in _rows(good, "inventory", "SKU") for counter in COUNTERS),
        "replenishments": sum(1 for row in _rows(good, "inventory", "REPL") if row["status"] == stock.REPLENISHED),
        "shipments": _count(row["status"] for row in _rows(good, "shipping", "SHIP")),
        "mails": _count(f"{row['kind']} {row['status']}" for row in _rows(good, "notification", "NOTE")),
        "pending_events": sum(len(row.get("pending", ())) for rows in good.values() for row in rows),
        "dead_letters": {name: count for name, count in sorted(snapshot.dead_letters.items()) if count != 0},
    }


def _rows(good: Mapping[str, list[Row]], table: str, aggregate: str) -> list[Row]:
    return [row for row in good[table] if row["pk"].startswith(f"{aggregate}#")]


def _recorded(snapshot: Snapshot, *outcomes: str) -> dict[str, int]:
    records = (row for row in snapshot.ledger if not any(faults_of_record(row)))
    return _sum((row["currency"], row["amount"]) for row in records if row["outcome"] in outcomes)


def _count(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _sum(parts: Iterable[tuple[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for name, amount in parts:
        total[name] += amount
    return dict(sorted(total.items()))
