"""The rolling pass: every row of a stage is checked, a page at a time, in memory that does not grow with the orders.

The pass scans one table after the other. In the order table, it reads the rows of each order by key from all tables, and checks
the order by itself. In the other tables, it checks the rows that belong to no order. Sums that concern all orders, the money
of a currency and the stock of a SKU, are kept from page to page. `PassState` is all that a later run needs to go on.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from audit.auditor import check_rows
from audit.checks.awaited import NOTHING_IS_OVERDUE, Overdue
from audit.checks.money import NetCaptured
from audit.checks.stock import AT_ONE_MOMENT, Cut, SkuSums, StockSums
from audit.finding import Finding
from audit.records import group
from audit.row_faults import faults_of
from audit.row_kinds import MAILS, kind_of
from audit.rows import Key, Page, StageRows, StartKey
from audit.snapshot import Snapshot
from audit.tables import LEDGER
from kernel import clock
from kernel.aggregate_store import Row

PAGE_ROWS: Final = 100
"""The rows of a page, and the most orders whose rows are in memory at a time."""
MARGIN: Final = timedelta(minutes=1)
"""The longest that a row may take to show a write that its `updated_at` precedes: the call's retries, a replica that is behind,
the clocks of two machines."""
SKUS: Final = "skus"
PHASES: Final = ("order", "payment", "shipping", "notification", LEDGER, SKUS, "inventory")
"""The scans of a pass: a table each. `skus` reads the counters just before the reservations that they sum up."""
BESIDE_AN_ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "payment": ("PAY#{}",),
    "inventory": ("RES#{}",),
    "shipping": ("SHIP#{}",),
    "notification": tuple(f"NOTE#{{}}#{kind}" for kind in MAILS),
    LEDGER: ("{}",),
}
"""The keys of an order's rows beside its own, by table. The rows of a missing order count in the first table that has one."""


@dataclass
class PassState:
    """The position and the sums of a pass. `after` is the key at which the scan of the phase goes on.

    `rows` counts what the pass has scanned, `findings` what it has found, `moving` the orders that changed meanwhile.
    """

    began: str
    phase: int = 0
    after: StartKey | None = None
    rows: int = 0
    findings: int = 0
    moving: int = 0
    net: NetCaptured = field(default_factory=NetCaptured)
    stock: StockSums = field(default_factory=StockSums)

    @property
    def is_done(self) -> bool:
        """True once every table was scanned and the sums were checked."""
        return self.phase == len(PHASES)

    def as_json(self) -> str:
        """Return the state as JSON, from which `of_json` makes it again."""
        return json.dumps(self, default=vars, separators=(",", ":"))

    @classmethod
    def of_json(cls, text: str) -> "PassState":
        """Return the state that `as_json` wrote."""
        kept: dict[str, Any] = json.loads(text)
        state = cls(**{**kept, "net": NetCaptured(), "stock": StockSums(cut=Cut(*kept["stock"]["cut"]))})
        state.net.confirmed.update(kept["net"]["confirmed"])
        state.net.taken.update(kept["net"]["taken"])
        for sku, sums in kept["stock"]["skus"].items():
            state.stock.skus[sku] = SkuSums(**{**sums, "cut": Cut(*sums["cut"]) if sums["cut"] else None})
        return state


def advance(
    state: PassState,
    rows: StageRows,
    *,
    settled: bool = False,
    overdue: Overdue = NOTHING_IS_OVERDUE,
    page_rows: int = PAGE_ROWS,
) -> list[Finding]:
    """Check the next page of the pass. Return its findings, and after the last page also those of the sums.

    `settled` and `overdue` mean what they mean in `auditor.audit`.
    """
    return _Step(state, rows, settled, overdue).take(page_rows)


class _Step:
    """One page of a pass. A page with a finding is read once more, consistently, before the finding counts."""

    def __init__(self, state: PassState, rows: StageRows, settled: bool, overdue: Overdue) -> None:
        self.state, self.rows, self.settled, self.overdue = state, rows, settled, overdue
        self.since = clock.rfc3339(clock.now() - MARGIN)

    def take(self, page_rows: int) -> list[Finding]:
        state, phase = self.state, PHASES[self.state.phase]
        if phase == SKUS:
            page = self.rows.page("inventory", state.after, None, consistent=True, prefix="SKU#")
            self._add_skus(page.rows)
            found: list[Finding] = []
        else:
            page = self.rows.page(phase, state.after, page_rows, consistent=phase == "inventory")
            found = self._check_orders(page) if phase == "order" else self._check_strays(phase, page)
            if phase == "inventory":
                self._add_stock(page.rows)
        state.rows += page.scanned
        state.after = page.last
        state.phase += page.last is None
        if state.is_done:
            found += [*state.stock.check(), *state.net.check()]
        state.findings += len(found)
        return found

    def _check_orders(self, page: Page) -> list[Finding]:
        """Return the findings of the order table's rows, and of all rows of their orders."""
        ids = [order_id for row in page.rows if (order_id := _after("ORDER#", row))]

        def read(consistent: bool) -> Snapshot:
            own = page.rows
            if consistent:  # a role may read the keys of known rows only
                known = [("order", row["pk"]) for row in page.rows if kind_of("order", row)]
                unknown = [row for row in page.rows if not kind_of("order", row)]
                own = [*unknown, *(row for _, row in self.rows.at(known, consistent=True))]
            return self._snapshot(ids, consistent, order=own)

        return self._judge(read)

    def _check_strays(self, table: str, page: Page) -> list[Finding]:
        """Return the findings of the rows that belong to no order, and of all rows of an order that is missing.

        The rows of an order that exists are checked with the order.
        """
        owners = {str(row["pk"]): _owner(table, row) for row in page.rows}
        strays = [row for row in page.rows if owners[str(row["pk"])] is None]
        begun = _pk(self.state.after) if table == LEDGER else None  # an order's records may be on two pages
        missing = self._missing({owner for owner in owners.values() if owner not in (None, begun)})

        def read(consistent: bool) -> Snapshot:
            return self._snapshot(self._first_in(table, missing, consistent), consistent, **{table: strays})

        return self._judge(read)

    def _missing(self, order_ids: Collection[str]) -> list[str]:
        """Return the orders that do not exist, by a consistent read of those that a cheaper one did not find."""
        for consistent in (False, True):
            keys: list[Key] = [("order", f"ORDER#{order_id}") for order_id in sorted(order_ids)]
            found = {pk for _, pk in self.rows.existing(keys, consistent=consistent)}
            order_ids = [order_id for order_id in sorted(order_ids) if f"ORDER#{order_id}" not in found]
        return list(order_ids)

    def _first_in(self, table: str, order_ids: list[str], consistent: bool) -> list[str]:
        """Return the orders without a row in an earlier table of `BESIDE_AN_ORDER`, so that each is judged once."""
        earlier = [name for name in BESIDE_AN_ORDER if [*BESIDE_AN_ORDER].index(name) < [*BESIDE_AN_ORDER].index(table)]
        found = self.rows.existing(_keys(order_ids, earlier), consistent=consistent)
        known = {_owner(name, {"pk": pk}) for name, pk in found}
        return [order_id for order_id in order_ids if order_id not in known]

    def _snapshot(self, order_ids: list[str], consistent: bool, **more: list[Row]) -> Snapshot:
        """Return `more` rows, by table, and all rows of these orders that are beside the order table."""
        found: dict[str, list[Row]] = {name: list(rows) for name, rows in more.items()}
        tables = [table for table in BESIDE_AN_ORDER if table != LEDGER]
        for table, row in self.rows.at(_keys(order_ids, tables), consistent=consistent):
            found.setdefault(table, []).append(row)
        found.setdefault(LEDGER, []).extend(self.rows.records(order_ids, consistent=consistent))
        snapshot = Snapshot(began=self.since)
        for table, rows in found.items():
            snapshot.table(table).extend(rows)
        return snapshot

    def _judge(self, read: Callable[[bool], Snapshot]) -> list[Finding]:
        for consistent in (False, True):
            snapshot, net = read(consistent), NetCaptured()
            grouped = group(snapshot, settled=self.settled)
            found = {*check_rows(snapshot, grouped, net, settled=self.settled, overdue=self.overdue), *self._claimed(snapshot)}
            if not found:
                break
        self.state.moving += len(grouped.unjudged_orders)
        self.state.net.confirmed.update(net.confirmed)
        self.state.net.taken.update(net.taken)
        return sorted(found)

    def _claimed(self, snapshot: Snapshot) -> Iterator[Finding]:
        """Yield the rows whose attributes name the key of another row that exists."""
        for table in BESIDE_AN_ORDER.keys() - {LEDGER} | {"order"}:
            for row in snapshot.table(table):
                kind = kind_of(table, row)
                identity = kind.identity(row) if kind else None
                if kind and identity and identity != row["pk"] and self.rows.existing([(table, identity)], consistent=True):
                    yield Finding(kind.twice, identity, "has two rows")

    def _add_skus(self, rows: Iterable[Row]) -> None:
        cut = AT_ONE_MOMENT if self.settled else Cut(self.since, clock.rfc3339(clock.now() + MARGIN))
        known = self.state.stock.cut
        self.state.stock.cut = cut if known == AT_ONE_MOMENT else Cut(known.since, cut.until)
        for row in rows:
            if not any(faults_of("inventory", row)):
                self.state.stock.add_sku(row, cut)

    def _add_stock(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if not any(faults_of("inventory", row)):
                match row["pk"].partition("#")[0]:
                    case "RES":
                        self.state.stock.add_reservation(row)
                    case "REPL":
                        self.state.stock.add_replenishment(row)


def _keys(order_ids: Iterable[str], tables: Collection[str]) -> list[Key]:
    return [(table, key.format(order_id)) for order_id in order_ids for table in tables for key in BESIDE_AN_ORDER[table]]


def _pk(key: StartKey | None) -> str | None:
    return key["pk"]["S"] if key else None


def _owner(table: str, row: Row) -> str | None:
    """Return the id of the order to whose rows the key of this one belongs, or None."""
    if table == LEDGER:
        return str(row["pk"])
    for key in BESIDE_AN_ORDER[table]:
        before, _, after = key.partition("{}")
        order_id = _after(before, row)
        if order_id and order_id.endswith(after):
            return order_id.removesuffix(after)
    return None


def _after(prefix: str, row: Row) -> str:
    """Return the row's key without the prefix, or an empty text if it has another one."""
    pk = str(row["pk"])
    return pk.removeprefix(prefix) if pk.startswith(prefix) else ""
