"""The rolling pass has the findings of the audit of a snapshot, in memory that does not grow with the orders."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from audit.auditor import audit
from audit.finding import Finding
from audit.metrics import measures
from audit.order_rows import MARGIN
from audit.rolling_pass import PassState, advance
from audit.row_kinds import KINDS, MAILS
from audit.rows import StageRows
from audit.snapshot import Snapshot
from audit.tables import KEY_PREFIXES
from kernel import clock
from kernel.aggregate_store import Row
from operations.repository import REPOSITORY
from tests.support import commit_share
from tests.support.audited_stage import NOON, STORIES, Stage, last_moved
from tests.support.many_orders import ManyOrders, delivered_order
from tests.support.stored_snapshot import rows_of, stored
from tests.unit.audit.corruptions import CORRUPTIONS

OF_ANOTHER_ORDER = {"ORDER#  under the key of another", "NOTE#  of an unknown kind"}
"""Corruptions that give a row the `order_id` of an order to which its key does not belong: an audit of a snapshot then judges
neither order, and the pass judges both."""
SLOW_TICK = timedelta(seconds=40)
SPLITS = 0.05
"""How often a step of an order is followed by a split or a merge."""


def passed(rows: StageRows, *, settled: bool, page_rows: int = 100) -> list[Finding]:
    """Return the findings of one whole pass, whose state is written and read again after each page."""
    state, found = PassState("2026-11-29T00:00:00.000Z"), list[Finding]()
    while not state.is_done:
        found += advance(state, rows, settled=settled, page_rows=page_rows)
        state = PassState.of_json(state.as_json())
    assert state.findings == len(found)
    return found


def test_healthy_tables_have_no_findings(settled: Snapshot) -> None:
    for page_rows in (1, 7, 1000):
        assert passed(rows_of(stored(settled)), settled=True, page_rows=page_rows) == []


def test_gauges_of_a_pass_equal_the_rows_at_each_moment(history: list[Snapshot]) -> None:
    measured = set()
    for moment in history[:: max(1, len(history) // 12)]:
        now, rows, state = last_moved(moment) + MARGIN, rows_of(stored(moment)), PassState("2026-11-29T00:00:00.000Z")
        while not state.is_done:
            advance(state, rows, settled=False)
        orders = [row for row in moment.order if row["pk"].startswith("ORDER#")]
        waiting = sum(row["status"] == "BACKORDERED" for row in orders)
        ages = [
            (now - clock.from_rfc3339(row["created_at"])) // timedelta(seconds=1)
            for row in orders
            if row["status"] not in ("CONFIRMED", "CANCELLED")
        ]
        found = {measure.metric.name: measure.value for measure in measures(state, now)}
        expected = {"BackOrdersWaiting": waiting, "OldestUnfinishedOrder": max(ages, default=0)}
        assert found == {name: value for name, value in expected.items() if value}
        measured |= found.keys()
    assert measured == {"BackOrdersWaiting", "OldestUnfinishedOrder"}


def test_each_corruption_has_the_findings_of_the_snapshot(settled: Snapshot) -> None:
    judged, share = 0, commit_share.share()
    for corruption in share.among(CORRUPTIONS):
        damaged = corruption.of(settled, 0)
        try:
            client = stored(damaged)
        except (ValueError, TypeError):
            continue  # DynamoDB has no such rows
        judged += 1
        damaged.dead_letters.clear()
        whole, rolling = set(audit(damaged, settled=True)), passed(rows_of(client), settled=True)
        assert whole <= set(rolling), corruption.name
        assert whole == set(rolling) or corruption.name in OF_ANOTHER_ORDER, (corruption.name, set(rolling) - whole)
        assert len(set(rolling)) == len(rolling), corruption.name
    assert judged >= 100 // share.of


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_stage_that_runs_has_the_findings_of_the_snapshot(history: list[Snapshot], seed: int) -> None:
    """Each world is another moment of the stage, with damage of another kind, a while after the last row moved."""
    random = Random(seed)
    moment = random.choice(history)
    for corruption in random.sample(CORRUPTIONS, 5):
        try:
            damaged = corruption.of(replace(moment, began="9999"), seed)
            client = stored(damaged)
        except (ValueError, TypeError, LookupError):
            continue
        now = last_moved(moment) + 2 * MARGIN
        with clock.use_source(lambda now=now: now):  # type: ignore[misc]
            rolling = set(passed(rows_of(client), settled=False, page_rows=random.choice((5, 100))))
        whole = set(audit(damaged, settled=False))
        assert whole <= rolling, corruption.name
        assert whole == rolling or corruption.name in OF_ANOTHER_ORDER, (corruption.name, rolling - whole)


@dataclass
class RunningStage:
    """A stage whose orders take steps between the pages of a pass. A margin covers a step or two."""

    seed: int

    def __post_init__(self) -> None:
        self.stage, self.random = Stage(), Random(self.seed)
        with clock.use_source(self.now):
            self.stage.open()
            self.stage.split_stock.split("MUG", 3)
            self.running = [self.stage.live(story, number) for number, story in enumerate(STORIES)]
            for _ in range(self.random.randrange(25)):
                self.move(len(self.running))

    def now(self) -> datetime:
        return NOON + (self.stage.now() - NOON) / timedelta(seconds=0.5) * SLOW_TICK

    def move(self, steps: int) -> None:
        """Let one order after the other take a step, and the last of them wait for its next turn."""
        for _ in range(min(steps, len(self.running))):
            order = self.running.pop(0)
            if next(order, order) is None:
                self.running.append(order)
            if self.random.random() < SPLITS:
                self.stage.split_stock.split("MUG", self.random.choice((1, 2, 3, 12)))

    def findings(self, damage: Callable[[Any], None] = lambda tables: None) -> set[Finding]:
        """Return the findings of a pass whose first pages see the damage already."""
        damage(self.stage.tables)
        state, found = PassState("2026-11-29T00:00:00.000Z"), list[Finding]()
        with clock.use_source(self.now):
            while not state.is_done:
                self.move(self.random.randrange(20))
                found += advance(state, rows_of(self.stage.client), page_rows=10)
        return set(found)


@pytest.mark.parametrize("seed", range(12))
def test_a_pass_over_orders_that_move_raises_no_false_alarm(seed: int) -> None:
    assert RunningStage(seed).findings() == set()


@pytest.mark.parametrize(("counter", "invariant"), [("sold", "S3"), ("available", "S2")])
@pytest.mark.parametrize("row_of_stock", ["SKU#LP", "SKU#MUG", "SHARD#MUG#1"])
@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_counter_is_found_while_orders_move(seed: int, row_of_stock: str, counter: str, invariant: str) -> None:
    """The SKU sells during the pass, and is split and merged. A snapshot of a stage that never rests could not judge it."""

    def damage(tables: Any) -> None:
        row = tables.tables["inventory"].rows[row_of_stock]
        row[counter] = {"N": str(int(row[counter]["N"]) + 50)}

    found = RunningStage(seed).findings(damage)
    assert (invariant, row_of_stock) in {(finding.invariant, finding.subject) for finding in found}


def test_units_that_no_delivery_brought_are_found_in_a_split_sku_of_a_running_stage() -> None:
    """While units move between the rows of the SKU, the pass does not judge their sum; at some time it does."""

    def damage(tables: Any) -> None:
        row = tables.tables["inventory"].rows["SHARD#MUG#1"]
        row.update({counter: {"N": str(int(row[counter]["N"]) + 5)} for counter in ("available", "replenished")})

    found = [finding for seed in range(8) for finding in RunningStage(seed).findings(damage)]
    assert {(finding.invariant, finding.subject) for finding in found} == {("S2", "SKU#MUG")}


def test_the_records_of_a_missing_order_count_once_over_two_pages(settled: Snapshot) -> None:
    paid = next(row["pk"] for row in settled.ledger if row["outcome"] == "CAPTURED")
    left = {table: [row for row in settled.table(table) if not of_order(row, paid)] for table in TABLES_BESIDE_THE_LEDGER}
    orphaned = replace(settled, **left)
    whole = set(audit(orphaned, settled=True))
    assert {("M1", paid), ("M5", "USD")} & {(finding.invariant, finding.subject) for finding in whole}
    for page_rows in (1, 2, 3):
        rolling = passed(rows_of(stored(orphaned)), settled=True, page_rows=page_rows)
        assert sorted(rolling) == sorted(whole)


TABLES_BESIDE_THE_LEDGER = ("order", "payment", "inventory", "shipping", "notification")


def of_order(row: Row, order_id: str) -> bool:
    return bool(row.get("order_id") == order_id)


def units(orders: int) -> float:
    """Return the read units of a pass over delivered orders."""
    rows = StageRows(ManyOrders(delivered_order(), orders), {table: table for table in (*TABLES_BESIDE_THE_LEDGER, "ledger")})
    state = PassState("2026-11-29T00:00:00.000Z")
    while not state.is_done:
        assert advance(state, rows) == []
    return rows.units


def test_an_order_costs_seven_read_units_a_pass() -> None:
    """$0.88 for a million orders (docs/explanation/decisions/0033-rolling-audit.md)."""
    assert 6.5 < (units(600) - units(300)) / 300 <= 7.0


def test_memory_does_not_grow_with_the_orders() -> None:
    """18 KB an order, as a snapshot takes, would be 108 MB more than the bare process."""
    command = [sys.executable, "-m", "tests.benchmarks.audit_growth", "--orders", "6000"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout.splitlines()
    figures = json.loads(printed[-1])
    assert (figures["rows"], figures["findings"]) == (9 * 6_000 + 6, 0)
    assert figures["peak_mb"] <= 100
    assert figures["state_bytes"] < 2_000


def test_every_kind_of_mail_is_read() -> None:
    schema = json.loads((REPOSITORY / "audit" / "row_schemas" / "note.json").read_text())
    assert set(MAILS) == set(schema["properties"]["kind"]["enum"])


def test_every_kind_of_row_may_be_read_by_its_key() -> None:
    assert {table: [f"{kind}#" for kind in kinds] for table, kinds in KINDS.items()} == {
        table: list(prefixes) for table, prefixes in KEY_PREFIXES.items()
    }
