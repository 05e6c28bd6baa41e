"""Scans are no snapshot: tables read at different moments, while orders move, must raise no false alarm."""

from dataclasses import replace
from random import Random

import pytest

from audit.auditor import audit
from audit.snapshot import Books
from audit.tables import TABLES

Moments = list[Books]


def torn(history: Moments, seed: int) -> Books:
    """Each table (and each SKU) as it was at some moment of a reading that began at one and ended at another."""
    random = Random(seed)
    first = random.randrange(len(history) - 1)
    last = random.randrange(first + 1, min(first + 6, len(history)))
    seen = {table: history[random.randint(first, last)].table(table) for table in TABLES}
    skus = {row["pk"]: row for row in history[random.randint(first, last)].inventory if row["pk"].startswith("SKU#")}
    seen["inventory"] = [skus.get(row["pk"], row) for row in seen["inventory"]]
    began = history[first].began
    moved = [row for row in history[last].inventory if row.get("updated_at", "") >= began]
    return Books(**seen, began=began, moved_since=moved)


@pytest.mark.parametrize("seed", range(60))
def test_a_torn_reading_raises_no_false_alarm(history: Moments, seed: int) -> None:
    assert audit(torn(history, seed), settled=False) == []


def test_without_the_times_it_would(history: Moments) -> None:
    unprotected = [audit(replace(torn(history, seed), began="9999", moved_since=[]), settled=False) for seed in range(60)]
    assert sum(map(bool, unprotected)) > 30


def test_money_is_added_up_while_other_orders_move(history: Moments) -> None:
    books = history[-1]
    orders = {row["order_id"]: row["status"] for row in books.order if row["pk"].startswith("ORDER#")}
    taken = next(row for row in books.ledger if row["outcome"] == "CAPTURED" and orders[row["pk"]] == "CONFIRMED")
    damaged = replace(books, ledger=[row if row is not taken else {**row, "amount": row["amount"] + 1} for row in books.ledger])
    assert "M5" in {finding.invariant for finding in audit(damaged, settled=False)}


def test_what_did_not_move_is_judged_all_the_same(history: Moments) -> None:
    books = history[-1]
    lost = next(row for row in books.payment if row["status"] == "CAPTURED" and row["total"]["amount"])
    damaged = replace(books, payment=[row for row in books.payment if row is not lost])
    assert {finding.invariant for finding in audit(damaged, settled=False)} >= {"M3"}
