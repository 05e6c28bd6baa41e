"""The record of a world: its tables, and the facts that the invariants of several subjects read."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NoReturn

from simulation.engine.dynamodb import Table
from simulation.engine.expressions import Item
from simulation.engine.faults import Mode, Plan
from simulation.engine.scheduler import SECOND
from simulation.stage.invariants.rows import status_of
from simulation.stage.invariants.violation import Violated

RowKey = tuple[str, str]
"""A row, as (table, key)."""


class Record:
    """The record of one world. `now` returns simulated microseconds."""

    def __init__(self, tables: Mapping[str, Table], plan: Plan, now: Callable[[], int]) -> None:
        self.tables = tables
        self.now = now
        self._plan = plan
        self.orders: dict[str, Item] = {}
        """By id, each order as it was written last."""
        self.histories: dict[str, list[str]] = defaultdict(list)
        """By order, the transitions that it took, as `PENDING→CONFIRMING`."""
        self.unfinished: set[RowKey] = set()
        """Orders, refunds, shipments and mails that are not at their end."""
        self.pending: set[RowKey] = set()
        """Rows with an event in their outbox."""
        self.forgotten: set[str] = set()
        """Customers who cannot be reached at some time: they left no contact, it was deleted, or it is suppressed."""

    @property
    def struck(self) -> Mapping[str, Mode]:
        """Every fault that struck so far, by its boundary, the first to strike first."""
        return self._plan.struck

    def payment(self, order_id: str) -> str:
        """Return the status of the order's payment."""
        return status_of(self.tables["payment"].rows.get(f"PAY#{order_id}"))

    def reservation(self, order_id: str) -> str:
        """Return the status of the order's reservation."""
        return status_of(self.tables["inventory"].rows.get(f"RES#{order_id}"))

    def shipment(self, order_id: str) -> str:
        """Return the status of the order's shipment."""
        return status_of(self.tables["shipping"].rows.get(f"SHIP#{order_id}"))

    def note_end(self, row: RowKey, *, ended: bool) -> None:
        """Record whether the row is at its end."""
        if ended:
            self.unfinished.discard(row)
        else:
            self.unfinished.add(row)

    def fail(self, name: str, text: str) -> NoReturn:
        """Raise Violated for the invariant of this name."""
        raise Violated(name, f"{text} (at {self.now() / SECOND:.3f} s)")
