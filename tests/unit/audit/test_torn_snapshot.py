"""Scans are no snapshot: tables read at different moments, while orders move, must raise no false alarm."""

from dataclasses import replace
from random import Random

import pytest

from audit.auditor import audit
from audit.snapshot import Snapshot
from audit.tables import TABLES

Moments = list[Snapshot]


def torn(history: Moments, seed: int) -> Snapshot:
    """Each table (and each row of stock) as it was at some moment of a reading that began at one and ended at another."""
    random = Random(seed)
    first = random.randrange(len(history) - 1)
    last = random.randrange(first + 1, min(first + 6, len(history)))
    seen = {table: history[random.randint(first, last)].table(table) for table in TABLES}
    for prefix in ("SKU#", "SHARD#"):
        stock = {row["pk"]: row for row in history[random.randint(first, last)].inventory if row["pk"].startswith(prefix)}
        seen["inventory"] = [stock.get(row["pk"], row) for row in seen["inventory"]]
    began = history[first].began
    moved = [row for row in history[last].inventory if row.get("updated_at", "") >= began]
    return Snapshot(**seen, began=began, moved_since=moved)


@pytest.mark.parametrize("seed", range(60))
def test_torn_reading_has_no_findings(history: Moments, seed: int) -> None:
    assert audit(torn(history, seed), settled=False) == []


def test_torn_reading_without_its_times_has_findings(history: Moments) -> None:
    unprotected = [audit(replace(torn(history, seed), began="9999", moved_since=[]), settled=False) for seed in range(60)]
    assert sum(map(bool, unprotected)) > 30


def test_captured_money_is_checked_while_other_orders_move(history: Moments) -> None:
    snapshot = history[-1]
    orders = {row["order_id"]: row["status"] for row in snapshot.order if row["pk"].startswith("ORDER#")}
    taken = next(row for row in snapshot.ledger if row["outcome"] == "CAPTURED" and orders[row["pk"]] == "CONFIRMED")
    damaged = replace(
        snapshot, ledger=[row if row is not taken else {**row, "amount": row["amount"] + 1} for row in snapshot.ledger]
    )
    assert "M5" in {finding.invariant for finding in audit(damaged, settled=False)}


def test_unmoved_order_is_checked_while_other_orders_move(history: Moments) -> None:
    snapshot = history[-1]
    lost = next(row for row in snapshot.payment if row["status"] == "CAPTURED" and row["total"]["amount"])
    damaged = replace(snapshot, payment=[row for row in snapshot.payment if row is not lost])
    assert {finding.invariant for finding in audit(damaged, settled=False)} >= {"M3"}
