"""The rolling pass: every row of a stage is checked, a page at a time, in memory that does not grow with the orders.

The pass scans one table after the other. In the order table, it reads the rows of each order by key from all tables, and checks
the order by itself. In the other tables, it checks the rows that belong to no order. Sums that concern all orders, the money
of a currency and the stock of a SKU, are kept from page to page. `PassState` is all that a later run needs to go on.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Final

from audit.auditor import judge
from audit.checks.awaited import NOTHING_IS_OVERDUE, Overdue
from audit.checks.money import NetCaptured
from audit.checks.stock import AT_ONE_MOMENT, Cut, SkuSums, StockSums
from audit.finding import Finding
from audit.order_rows import BESIDE_AN_ORDER, MARGIN, keys_of, order_keys, owner_of, read_orders
from audit.row_faults import without_faults
from audit.row_forms import KnownRow, StoredRow
from audit.row_kinds import kind_of
from audit.rows import Page, StageRows, StartKey
from audit.snapshot import Snapshot
from audit.tables import LEDGER, SERVICES
from kernel import clock
from services.inventory.domain.model import PlaceRow, ShardRow
from services.order.domain import states as order

PAGE_ROWS: Final = 100
"""The rows of a page, and the most orders whose rows are in memory at a time."""
UNITS_A_RUN: Final = 10_000
"""The read units after which a run of the schedule stops, so that a month costs the same however many orders there are."""
PASS_EVERY: Final = timedelta(hours=1)
"""The shortest time from the beginning of a pass to that of the next one."""
SHARDS_AT_ONCE: Final = 10
"""How many shards of a SKU are read together. Their numbers begin at 1, without a gap."""
NOT_ENDED: Final = order.TRANSITIONS.statuses - order.TRANSITIONS.terminal
"""The statuses of an order that still has to be confirmed, cancelled or refunded."""
SKUS: Final = "skus"
PHASES: Final = ("order", "payment", "shipping", "notification", LEDGER, SKUS, "inventory")
"""The scans of a pass: a table each. `skus` reads the counters and queues just before the reservations that they sum up."""


@dataclass
class PassState:
    """The position and the sums of a pass. `after` is the key at which the scan of the phase goes on.

    `rows` counts what the pass has scanned, `findings` what it has found, `moving` the orders that changed meanwhile, and
    `back_orders` those that wait for stock. `unfinished_since` is when the oldest order without an end was placed.
    """

    began: str
    phase: int = 0
    after: StartKey | None = None
    rows: int = 0
    findings: int = 0
    moving: int = 0
    back_orders: int = 0
    unfinished_since: str | None = None
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
    seen: Callable[[str, StoredRow], None] = lambda table, row: None,
) -> list[Finding]:
    """Check the next page of the pass. Return its findings, and after the last page also those of the sums.

    `settled` and `overdue` mean what they mean in `auditor.audit`. `seen` receives each row of the page with its table: in a
    pass, each row once.
    """
    return _Step(state, rows, settled, overdue).take(page_rows, seen)


class _Step:
    """One page of a pass. A page with a finding is read once more, consistently, before the finding counts."""

    def __init__(self, state: PassState, rows: StageRows, settled: bool, overdue: Overdue) -> None:
        self.state, self.rows, self.settled, self.overdue = state, rows, settled, overdue
        self.since = clock.rfc3339(clock.now() - MARGIN)

    def take(self, page_rows: int, seen: Callable[[str, StoredRow], None]) -> list[Finding]:
        state, phase = self.state, PHASES[self.state.phase]
        if phase == SKUS:
            page = self.rows.page("inventory", state.after, None, consistent=True, prefixes=("SKU#", "SHARD#", "PLACE#"))
            found = self._add_skus(page.rows)
            if page.last is None:
                self._add_up_shards()
        else:
            page = self.rows.page(phase, state.after, page_rows, consistent=phase == "inventory")
            for row in page.rows:
                seen(phase, row)
                if phase == "order" and owner_of(phase, row["pk"]):
                    self._add_order(row)
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

    def _add_order(self, row: StoredRow) -> None:
        """Add what the row of an order says of the orders that have no end yet."""
        state, status, placed = self.state, row.get("status"), row.get("created_at")
        state.back_orders += status == order.BACKORDERED
        if status in NOT_ENDED and isinstance(placed, str):
            state.unfinished_since = min(state.unfinished_since or placed, placed)

    def _check_orders(self, page: Page) -> list[Finding]:
        """Return the findings of the order table's rows, and of all rows of their orders."""
        ids = [order_id for row in page.rows if (order_id := owner_of("order", row["pk"]))]

        def read(consistent: bool) -> Snapshot:
            own = page.rows
            if consistent:  # a role may read the keys of known rows only
                known = [("order", row["pk"]) for row in page.rows if kind_of("order", row)]
                unknown = [row for row in page.rows if not kind_of("order", row)]
                own = [*unknown, *(row for _, row in self.rows.at(known, consistent=True))]
            return read_orders(self.rows, ids, self.since, consistent=consistent, more={"order": own})

        return self._judge(read)

    def _check_strays(self, table: str, page: Page) -> list[Finding]:
        """Return the findings of the rows that belong to no order, and of all rows of an order that is missing.

        The rows of an order that exists are checked with the order.
        """
        strays = [row for row in page.rows if owner_of(table, row["pk"]) is None]
        owners = {owner_of(table, row["pk"]) for row in page.rows} - {None}
        if table == LEDGER and self.state.after:  # an order's records may be on two pages
            owners -= {self.state.after["pk"]["S"]}
        missing = self._missing(sorted(filter(None, owners)))

        def read(consistent: bool) -> Snapshot:
            ids = self._first_in(table, missing, consistent)
            return read_orders(self.rows, ids, self.since, consistent=consistent, more={table: strays})

        return self._judge(read)

    def _missing(self, order_ids: list[str]) -> list[str]:
        """Return the orders that do not exist, by a consistent read of those that a cheaper one did not find."""
        for consistent in (False, True):
            found = {pk for _, pk in self.rows.existing(order_keys(order_ids), consistent=consistent)}
            order_ids = [order_id for order_id in order_ids if f"ORDER#{order_id}" not in found]
        return order_ids

    def _first_in(self, table: str, order_ids: list[str], consistent: bool) -> list[str]:
        """Return the orders without a row in an earlier table of `BESIDE_AN_ORDER`, so that each is judged once."""
        tables = [*BESIDE_AN_ORDER]
        earlier = keys_of(order_ids, tables[: tables.index(table)])
        known = {owner_of(name, pk) for name, pk in self.rows.existing(earlier, consistent=consistent)}
        return [order_id for order_id in order_ids if order_id not in known]

    def _judge(self, read: Callable[[bool], Snapshot]) -> list[Finding]:
        verdict = judge(read, settled=self.settled, overdue=self.overdue, further=self._claimed)
        self.state.moving += len(verdict.grouped.unjudged_orders)
        self.state.net.confirmed.update(verdict.net.confirmed)
        self.state.net.taken.update(verdict.net.taken)
        return verdict.findings

    def _claimed(self, snapshot: Snapshot) -> Iterator[Finding]:
        """Yield the rows whose attributes name the key of another row that exists."""
        for table in SERVICES:
            for row in snapshot.table(table):
                kind = kind_of(table, row)
                identity = kind.identity(row) if kind else None
                if kind and identity and identity != row["pk"] and self.rows.existing([(table, identity)], consistent=True):
                    yield Finding(kind.twice, identity, "has two rows")

    def _add_skus(self, rows: Iterable[StoredRow]) -> list[Finding]:
        """Add the SKUs and the places in their queues. Return the findings of places beside their orders' reservations."""
        cut = AT_ONE_MOMENT if self.settled else Cut(self.since, clock.rfc3339(clock.now() + MARGIN))
        known = self.state.stock.cut
        self.state.stock.cut = cut if known == AT_ONE_MOMENT else Cut(known.since, cut.until)
        places: list[PlaceRow] = []
        for row in rows:
            match without_faults("inventory", row):
                case ("SKU", counted):
                    self.state.stock.add_sku(counted, cut)
                case ("SHARD", shard):
                    self.state.stock.add_shard(shard, cut)
                case ("PLACE", place):
                    places.append(place)
        keys = keys_of(dict.fromkeys(place["order_id"] for place in places), ["inventory"])
        found = [read[1] for read in self._known(key for _, key in keys) if read[0] == "RES"]
        reservations = {reservation["order_id"]: reservation for reservation in found}
        return [
            finding
            for place in places
            for finding in self.state.stock.add_place(place, reservations.get(place["order_id"]), cut)
        ]

    def _add_up_shards(self) -> None:
        """Add up the shards of each SKU that was ever split, and read the SKU's own row after them."""
        known = self.state.stock.skus
        for sku in sorted({name.partition("#")[0] for name, sums in known.items() if "#" in name or sums.splits}):
            shards: list[ShardRow] = []
            for first in count(1, SHARDS_AT_ONCE):
                numbers = range(first, first + SHARDS_AT_ONCE)
                read = self._known(f"SHARD#{sku}#{number}" for number in numbers)
                found = [row[1] for row in read if row[0] == "SHARD"]
                shards += found
                if not found:
                    break
            own = [row[1] for row in self._known([f"SKU#{sku}"]) if row[0] == "SKU"]
            self.state.stock.add_up_shards(sku, shards, own[0] if own else None)

    def _known(self, keys: Iterable[str]) -> list[KnownRow]:
        """Return the rows of the inventory at these keys that have no fault."""
        found = self.rows.at([("inventory", key) for key in keys], consistent=True)
        return [known for _, row in found if (known := without_faults("inventory", row)) is not None]

    def _add_stock(self, rows: Iterable[StoredRow]) -> None:
        for row in rows:
            match without_faults("inventory", row):
                case ("RES", reservation):
                    self.state.stock.add_reservation(reservation)
                case ("REPL", replenishment):
                    self.state.stock.add_replenishment(replenishment)
