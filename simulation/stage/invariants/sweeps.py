"""Sweeps: how many of them an order, a due row or a stale outbox takes until it is handled."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulation.engine.dynamodb import Change, segment_of
from simulation.engine.faults import Mode
from simulation.engine.scheduler import SECOND
from simulation.stage import deployment
from simulation.stage.invariants.deadlines import NEVER_ANSWERED, Deadlines
from simulation.stage.invariants.record import Record, RowKey
from simulation.stage.invariants.rows import GOING_BACK, status_of, text_of

if TYPE_CHECKING:
    from simulation.stage.world import World

SWEEPS_WITHOUT_BACK_OFF: Final = 4
UNSTRUCK_SWEEPS: Final = 3
"""The most sweeps without a fault that may look at an order or an outbox before it is at its end."""
REPUBLISHED_AFTER: Final = int(deployment.constructs("outbox")["REPUBLISH_AFTER_SECONDS"])
TERMINAL_ORDER: Final = ("CONFIRMED", "CANCELLED")


@dataclass(frozen=True)
class Sweep:
    """A sweep that should have found a row: its minute, and how many faults had struck before it."""

    minute: int
    struck: int


@dataclass(frozen=True)
class Struck:
    """A sweep with the faults that struck it, up to the next sweep."""

    sweep: Sweep
    faults: list[str]


class Sweeps:
    """The sweeps of one world, by the rows that they should have found."""

    def __init__(self, world: "World", record: Record, deadlines: Deadlines) -> None:
        self.world = world
        self.record = record
        self.deadlines = deadlines
        self.born: dict[str, int] = {}
        """By order, how many faults had struck before it was created."""
        self.of_orders: dict[str, list[Sweep]] = defaultdict(list)
        """By order, each sweep in which it was due, and not terminal."""
        self.of_due_rows: dict[RowKey, list[Sweep]] = defaultdict(list)
        """By row that is due, each sweep since then that did not write it."""
        self.of_stale_outboxes: dict[RowKey, list[Sweep]] = defaultdict(list)
        """By row with a pending event, each sweep that it was old enough for."""
        self.waited: dict[str, int] = defaultdict(int)
        """By order, all sweeps since its creation in which it was not terminal."""
        self.slowest: tuple[int, int, str] = (0, 0, "")
        """The order with the most sweeps that found it due and that no fault struck, and all its sweeps."""

    # a sweeper is about to run

    def begin(self, service: str) -> None:
        """Record the rows that the service's sweeper should find."""
        sweep = Sweep(self.world.minutes, len(self.record.struck))
        if service != "order":
            self._find_due_rows(service, sweep)
        republished = self.world.time_of(self.record.now() - REPUBLISHED_AFTER * SECOND)
        part = self.world.since_1970(self.record.now()) // 60 % deployment.OUTBOX_PASS_MINUTES
        for table, key in self.record.pending:
            if table != service or self.world.conditions.fails(key.split("#")[1]):
                continue
            row = self.record.tables[table].rows[key]
            looks = "pending_shard" in row or segment_of(key, deployment.OUTBOX_PASS_MINUTES) == part
            if looks and str(text_of(row, "pending_since")) <= republished:
                self.of_stale_outboxes[table, key].append(sweep)
        if service == "order":
            self._find_orders(sweep)

    def _find_due_rows(self, service: str, sweep: Sweep) -> None:
        """Record the rows that are due.

        A claim is due when it is so old that its claimer counts as dead, a shipment when its queue had its time. No shipment is
        while the calls to the carrier are paused.
        """
        late = {
            "notification": deployment.infrastructure("notification")["CLAIM_UNKNOWN_AFTER_SECONDS"],
            "shipping": deployment.LEFT_TO_THE_QUEUE_SECONDS,
        }
        if service == "shipping" and self._carrier_is_paused():
            return
        now = self.world.time_of(self.record.now() - late.get(service, 0) * SECOND)
        for entries in self.record.tables[service].entries.get("due", {}).values():
            for key, due in entries.items():
                if due <= now and not self.world.conditions.fails(key.split("#")[1]):
                    self.of_due_rows[service, key].append(sweep)

    def _carrier_is_paused(self) -> bool:
        """Whether the calls to the carrier are paused, or resume only if a probe succeeds."""
        return "paused_until" in self.record.tables["shipping"].rows.get("BREAKER#carrier", {})

    def _find_orders(self, sweep: Sweep) -> None:
        now = self.world.time_of(self.record.now())
        for table, key in sorted(self.record.unfinished):
            order_id = key.partition("#")[2]
            if table != "order" or self.deadlines.waits_for_time(order_id) or self.world.conditions.fails(order_id):
                continue
            self.waited[order_id] += 1
            if str(text_of(self.record.orders[order_id], "next_due")) <= now:
                self.of_orders[order_id].append(sweep)

    # a row is written

    def due_row_written(self, change: Change) -> None:
        """Check how long a due row took, if the write moves it."""
        row = (change.table, change.key)
        if row in self.of_due_rows and text_of(change.new, "next_due") != text_of(change.old, "next_due"):
            self.due_rows_are_swept(row, self.of_due_rows.pop(row), "was looked at")

    def outbox_emptied(self, row: RowKey) -> None:
        """Check how long a stale outbox took."""
        self.due_rows_are_swept(row, self.of_stale_outboxes.pop(row, []), "was published")

    def order_written(self, order_id: str, change: Change) -> None:
        """Record whether an order is at its end, and check how long it took."""
        if change.new is None:
            return
        status, before = status_of(change.new), status_of(change.old)
        if change.old is None:
            self.born[order_id] = len(self.record.struck)
        elif status != before == "BACKORDERED":
            self.born[order_id] = len(self.record.struck)
            self.of_orders.pop(order_id, None)
            self.waited.pop(order_id, None)
        row = (change.table, change.key)
        if status not in TERMINAL_ORDER:
            self.record.unfinished.add(row)
            if "next_due" not in change.new or "due_shard" not in change.new:
                self.record.fail("every_order_ends", f"{order_id} is {status}, and no sweeper can find it")
        elif row in self.record.unfinished:
            self.record.unfinished.discard(row)
            if before not in GOING_BACK:
                self.every_order_ends(order_id)

    def every_order_ends(self, order_id: str) -> None:
        """Check that the order took at most 3 sweeps, and one more for each fault.

        If faults keep striking one order, the sweeper backs off. Then only sweeps that found it due are counted, and of these
        those that no fault struck, neither on their way to the order nor in the run that they began.
        """
        spans = self._spans(self.of_orders[order_id], lambda boundary: _concerns(boundary, order_id))
        unstruck = sum(not span.faults for span in spans)
        struck = list(self.record.struck.items())[self.born.get(order_id, 0) :]
        faults = sum(mode is Mode.CLOCK_JUMP or _concerns(boundary, order_id) for boundary, mode in struck)
        waited = self.waited[order_id]
        self.slowest = max(self.slowest, (unstruck, waited, order_id))
        never_answered = text_of(self.record.orders[order_id], "payment_token") == NEVER_ANSWERED
        backs_off = faults > SWEEPS_WITHOUT_BACK_OFF or never_answered
        if unstruck > UNSTRUCK_SWEEPS or (not backs_off and waited > UNSTRUCK_SWEEPS + faults):
            text = f"{order_id} took {waited} sweeps; {len(spans)} found it due, {unstruck} unstruck; {faults} faults"
            self.record.fail("every_order_ends", text + self._described("order", spans))

    def due_rows_are_swept(self, row: RowKey, sweeps: list[Sweep], end: str) -> None:
        """Check that a due row or a stale outbox took at most 3 sweeps without a fault, however many rows wait."""
        if len(sweeps) <= UNSTRUCK_SWEEPS:
            return
        table, key = row
        spans = self._spans(sweeps, lambda boundary: key in boundary or f"{table}-sweeper" in boundary or _hangs(boundary))
        unstruck = sum(not span.faults for span in spans)
        if unstruck > UNSTRUCK_SWEEPS:
            text = f"{key} {end} after {len(sweeps)} sweeps, {unstruck} of them without a fault"
            self.record.fail("due_rows_are_swept", text + self._described(table, spans))

    def _spans(self, sweeps: list[Sweep], concerns: Callable[[str], bool]) -> list[Struck]:
        """Return each sweep with its faults. A clock that jumps may cut any sweep."""
        if not sweeps:
            return []
        struck = list(self.record.struck.items())
        ends = (*(sweep.struck for sweep in sweeps[1:]), len(struck))
        return [
            Struck(
                sweep,
                [
                    f"{mode}: {boundary}"
                    for boundary, mode in struck[sweep.struck : end]
                    if mode is Mode.CLOCK_JUMP or concerns(boundary)
                ],
            )
            for sweep, end in zip(sweeps, ends, strict=True)
        ]

    def _described(self, service: str, spans: list[Struck]) -> str:
        """Return a line for each sweep: the faults that struck it, and how it ended."""
        lines = []
        for span in spans:
            name = f"minute {span.sweep.minute} {service}-sweeper"
            ended = self.world.functions.ended.items()
            ends = [end for invocation, end in ended if re.fullmatch(rf"{name} > [\w-]+( \d+)?", invocation)]
            more = f" and {len(span.faults) - 2} more" if len(span.faults) > 2 else ""
            faults = ", ".join(span.faults[:2]) or "nothing struck it"
            lines.append(f"\n  {name}: {'; '.join(ends) or 'still runs'}; {faults}{more}")
        return "".join(lines)


def _concerns(boundary: str, order_id: str) -> bool:
    """Return True if a fault there could delay the order: in its own runs, or in the sweeper itself."""
    return _hangs(boundary) or order_id in boundary or ("order-sweeper" in boundary and " > saga" not in boundary)


def _hangs(boundary: str) -> bool:
    return boundary.endswith("the gateway hangs")
