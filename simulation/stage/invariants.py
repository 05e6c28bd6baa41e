"""The protocol's invariants, checked on every write that touches them, on every answer to a client, and at rest.

The names are those of docs/reference/invariants.md. They read the stores, not the handlers' own opinion of them.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

from simulation.engine.dynamodb import Change
from simulation.engine.expressions import Item
from simulation.engine.faults import OUTSIDE, Kind, Mode
from simulation.engine.scheduler import SECOND
from simulation.stage import deployment
from simulation.stage.conditions import FROM_A_NEWER_VERSION
from simulation.stage.forger import FORGER
from simulation.stage.gateway import RemoteCarrier
from simulation.stage.statements import Statements
from simulation.stage.strangers import STRANGER

if TYPE_CHECKING:
    from simulation.engine.bus import Envelope
    from simulation.engine.functions import Answered
    from simulation.engine.queues import Message
    from simulation.stage.world import World

MARKER: Final = "Markerson"
"""Stands in every name, e-mail and address of the simulated customers (P1)."""
MAIL_KINDS: Final = {
    "is confirmed": "confirmed",
    "has been cancelled": "cancelled",
    "is on its way": "dispatched",
    "is on back-order": "backordered",
}
TERMINAL_SHIPMENT: Final = ("DELIVERED", "CANCELLED", "FAILED")
TERMINAL_NOTE: Final = ("SENT", "FAILED")
BACK: Final = ("REFUNDED", "OUTSIDE")
"""Outcomes of a refund after which the customer has the money."""
OWNED: Final = ("CONFIRMED", "CANCEL_REQUESTED")
"""Statuses of an order that is paid for, and keeps its goods."""
GOING_BACK: Final = ("CANCEL_REQUESTED", "REFUNDING")
"""Statuses of an order that waits for other services, and for an operator only where its refund is refused."""
COMES_BACK: Final = ("ClaimInProgressError", "ContactNotYetError")
"""Errors by which a subscriber lets a message come back, nothing being wrong with it or its batch."""
SWEEPS_WITHOUT_BACK_OFF: Final = 4
UNSTRUCK_SWEEPS: Final = 3
"""How many sweeps that nothing strikes may look at an order, or an outbox, before it is at its end."""
REPUBLISHED_AFTER: Final = int(deployment.constructs("outbox")["REPUBLISH_AFTER_SECONDS"])
DISHONEST: Final = ("ReceiptRefusedError", "IdempotencyConflictError", "LinesMismatchError")
"""The errors of payment and inventory for a statement that is not the order's own, or differs from an earlier one."""
SILENT: Final = (Mode.LOST, Mode.ANSWER_LOST, Mode.SLOW)
"""How a call meets no answer, or none in time."""
NEVER_ANSWERED: Final = "pm_card_unavailable"
"""A token of the sandbox whose gateway is never available."""
UNAVAILABLE: Final = ("PAYMENT_UNAVAILABLE", "INVENTORY_UNAVAILABLE")
SKEW_SECONDS: Final = 90
"""How far a clock is off, at most."""
ABSENT: Final = "∅"
SHIPMENTS_OF: Final = {
    "CONFIRMED": (ABSENT, "CREATED", "BOOKING", "DISPATCHED", "DELIVERED", "FAILED"),
    "CANCEL_REQUESTED": (ABSENT, "CREATED", "BOOKING", "DISPATCHED", "DELIVERED", "CANCELLED", "FAILED"),
    "REFUNDING": ("CANCELLED", "FAILED"),
    "CANCELLED": (ABSENT, "CANCELLED", "FAILED"),
}
"""The statuses of the shipment of an order in each status. Any other order has no shipment."""


class Violated(BaseException):
    """An invariant does not hold. Not an Exception, so that no handler outlives it."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.text = text


def text_of(item: Item | None, name: str) -> str | None:
    """Return a string attribute, or None."""
    return None if item is None or name not in item else str(item[name].get("S"))


def number_of(item: Item, name: str) -> int:
    """Return a number attribute, or 0 if it is missing."""
    return int(item[name]["N"]) if name in item else 0


def status_of(item: Item | None) -> str:
    """Return a row's status, or ABSENT without a row."""
    return ABSENT if item is None else str(item["status"]["S"])


def amount_of(item: Item) -> tuple[int, str]:
    """Return the total of an order or payment."""
    total = item["total"]["M"]
    return int(total["amount"]["N"]), str(total["currency"]["S"])


@dataclass(frozen=True)
class Look:
    """A sweep that should have found something: its minute, and how many faults had struck before it."""

    minute: int
    struck: int


class Invariants:
    """Watches one world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.tables = world.dynamodb.tables
        self.orders: dict[str, Item] = {}
        self.outside = 0
        """Customers and others who have not finished."""
        self.writes = 0
        self.written: list[str] = []
        """The first row of each of the last writes."""
        self.histories: dict[str, list[str]] = defaultdict(list)
        """By order, the transitions it took."""
        self.placed: dict[tuple[str, str, str], str] = {}
        self.captures: dict[str, dict[str, int]] = defaultdict(dict)
        """By order, what each capture in the gateway's ledger took."""
        self.refunds: dict[str, dict[str, int]] = defaultdict(dict)
        """By order, what each refund in the gateway's ledger gave back."""
        self.published: dict[str, str] = {}
        """Every event that ever was in an outbox, by its id."""
        self.pending: set[tuple[str, str]] = set()
        """Rows with something in their outbox, as (table, key)."""
        self.unfinished: set[tuple[str, str]] = set()
        """Orders, refunds, shipments and notes that are not at their end, as (table, key)."""
        self.held: dict[str, int] = defaultdict(int)
        self.sold: dict[str, int] = defaultdict(int)
        self.waiting: dict[str, dict[str, int]] = defaultdict(dict)
        """By SKU, how many each order waits for, the first to come first."""
        self.born: dict[str, int] = {}
        """By order, how many faults had struck before it was created."""
        self.tried: dict[str, int] = defaultdict(int)
        """By order, when a run last asked payment or inventory about it."""
        self.looks: dict[str, list[Look]] = defaultdict(list)
        """By order, each sweep in which it was due, and not terminal."""
        self.due: dict[tuple[str, str], list[Look]] = defaultdict(list)
        """By (table, key) of a row that is due, each sweep since then that did not write it."""
        self.left_behind: dict[tuple[str, str], list[Look]] = defaultdict(list)
        """By (table, key) of a row with something pending, each sweep that it was old enough for."""
        self.waits: dict[str, int] = defaultdict(int)
        """By order, all sweeps since its creation in which it was not terminal."""
        self.slowest: tuple[int, int, str] = (0, 0, "")
        """The order with the most sweeps that found it due, unstruck, and all its sweeps."""
        self.forgotten: set[str] = set()
        """Customers who cannot be reached, now or at some time: no contact was given, it was deleted, or it is suppressed."""
        self.came_back: dict[str, int] = defaultdict(int)
        """By batch, the messages that only wait for another delivery of the same."""
        self.undecided_since: dict[str, int] = {}
        """By order, when it was placed, or last resumed after it had waited."""
        self.claimed_in: dict[str, set[str]] = defaultdict(set)
        """By note, the invocations that claimed it."""
        self.claimed_at: dict[str, int] = {}
        """By note, when it was last claimed."""
        self.resting = False
        """Whether nothing is left to run."""
        self.checked = 0
        self.statements = Statements(lambda: world.scheduler.now, world.functions, self.fail)
        self._tables_of = _transition_tables()
        self._mails_seen = 0

    # every write

    def committed(self, changes: list[Change]) -> None:
        """Record a write, or all writes of a transaction."""
        if not all(map(self._only_looked_at, changes)):
            self.writes += 1
            self.written = [*self.written[-4:], changes[0].key]
        self._check_forger(changes)
        orders: dict[str, None] = {}
        skus: dict[str, None] = {}
        for change in changes:
            self.statements.committed(change)
            if (change.table, change.key) in self.due and text_of(change.new, "next_due") != text_of(change.old, "next_due"):
                self._in_time(change.table, change.key, self.due.pop((change.table, change.key)), "was looked at")
            order_id = self._record(change, skus)
            if order_id is not None:
                orders[order_id] = None
        for order_id in orders:
            self.check_order(order_id)
        for sku in skus:
            self._check_stock(sku)

    def _record(self, change: Change, skus: dict[str, None]) -> str | None:
        """Check and record the write of one row. Add its SKUs to `skus`; return its order, or None."""
        if change.table == deployment.LEDGER:
            order_id, _, operation = change.key.partition("|")
            self._ledger(order_id, operation, change)
            return order_id
        aggregate, _, rest = change.key.partition("#")
        if aggregate in self._tables_of:
            self._transition(aggregate, change)
            self._outbox(change)
        match aggregate:
            case "ORDER":
                self._order(rest, change)
            case "PAY":
                self._check_payment(rest, change)
                self._note_unfinished(change, status_of(change.new) != "REFUNDING")
            case "RES":
                self._check_turn(rest, change)
                self._reservation(rest, change, skus)
            case "SKU":
                skus[rest] = None
                return None
            case "SHIP":
                self._note_unfinished(change, status_of(change.new) in TERMINAL_SHIPMENT)
            case "NOTE":
                self._note(change)
                return rest.partition("#")[0]
            case _:
                return None
        return rest

    def _note(self, change: Change) -> None:
        """Record the write of a mail's row, and the invocation that claimed it."""
        self._note_unfinished(change, status_of(change.new) in TERMINAL_NOTE)
        if status_of(change.new) == "CLAIMED" and self.world.scheduler.current is not None:
            self.claimed_in[change.key].add(_sender(self.world.scheduler.current.name))
            self.claimed_at[change.key] = self.world.scheduler.now
        self._check_given_up(change)

    def _check_forger(self, changes: list[Change]) -> None:
        """C3: a caller without receipts writes nothing."""
        task = self.world.scheduler.current
        if task is not None and FORGER in task.name:
            self.fail("C3", f"{task.name} wrote {', '.join(change.key for change in changes)}")

    def met(self, boundary: str, kind: Kind) -> None:
        """C3: a caller without receipts causes no call outside."""
        if kind in OUTSIDE and FORGER in boundary:
            self.fail("C3", boundary)

    def _only_looked_at(self, change: Change) -> bool:
        """Whether a sweeper put off what waits for an operator, or an order that waits asked once more, or was answered."""
        waits = status_of(self.orders.get(change.key.split("#")[-1])) in GOING_BACK
        apart = ("next_due", "pending", "pending_since", "pending_shard") if waits else ("next_due",)
        old, new = (
            {name: value for name, value in (row or {}).items() if name not in apart} for row in (change.old, change.new)
        )
        return change.old is not None and old == new

    def _transition(self, aggregate: str, change: Change) -> None:
        before, after = status_of(change.old), status_of(change.new)
        old_version = 0 if change.old is None else number_of(change.old, "version")
        new_version = 0 if change.new is None else number_of(change.new, "version")
        if change.new is None:
            self.fail("D2", f"{change.key} was deleted")
        if new_version == old_version:
            if before != after:
                self.fail("D2", f"{change.key} went {before} → {after} without a new version ({old_version})")
            return
        if new_version != old_version + 1:
            self.fail("D2", f"{change.key} went from version {old_version} to {new_version}")
        allowed = self._tables_of[aggregate].get((before, after))
        if allowed is None:
            self.fail("D1", f"{change.key} went {before} → {after}, which no transition allows")
        added = self._added_events(change)
        types = [json.loads(text)["detail-type"] for text in added]
        if len(types) > 1 or (types[0] if types else None) not in allowed:
            told = sorted(str(name) for name in allowed)
            self.fail("D2", f"{change.key} went {before} → {after} with the events {types}, instead of one of {told}")
        for text in added:
            event = json.loads(text)
            event_id = event["detail"]["metadata"]["event_id"]
            if event_id != f"{change.key}#{new_version}":
                self.fail("D2", f"{change.key} version {new_version} left the event {event_id}")
            if event_id in self.published:
                self.fail("D2", f"the event {event_id} was left twice")
            self.published[event_id] = text
            self.read("event", text)
        if aggregate == "ORDER":
            self.histories[change.key.partition("#")[2]].append(f"{before}→{after}")

    def _added_events(self, change: Change) -> list[str]:
        before = [part["S"] for part in change.old["pending"]["L"]] if change.old and "pending" in change.old else []
        after = [part["S"] for part in change.new["pending"]["L"]] if change.new and "pending" in change.new else []
        if after[: len(before)] != before:
            self.fail("E5", f"{change.key} took a step that lost pending events")
        return after[len(before) :]

    def _outbox(self, change: Change) -> None:
        entry = (change.table, change.key)
        if change.new is not None and "pending" in change.new:
            self.pending.add(entry)
            if change.new["pending"]["L"] and not ("pending_since" in change.new and "pending_shard" in change.new):
                self.fail("E5", f"{change.key} has pending events that no sweeper can find")
        elif entry in self.pending:
            self.pending.discard(entry)
            self._came_out(entry)

    def _order(self, order_id: str, change: Change) -> None:
        assert change.new is not None
        self.orders[order_id] = change.new
        if change.old is None:
            self.born[order_id] = len(self.world.plan.struck)
            who = text_of(change.new, "customer_id") if text_of(change.new, "channel") == "api" else ""
            key = (str(text_of(change.new, "channel")), str(who), str(text_of(change.new, "key_hash")))
            other = self.placed.setdefault(key, order_id)
            if other != order_id:
                self.fail("I1", f"{key} has two orders, {other} and {order_id}")
        elif text_of(change.old, "request_hash") != text_of(change.new, "request_hash"):
            self.fail("I1", f"{order_id} became another request's")
        if change.old is None or (status_of(change.old), status_of(change.new)) == ("BACKORDERED", "PENDING"):
            written = self.world.since_epoch(str(text_of(change.new, "resumed_at") or text_of(change.new, "created_at")))
            self.undecided_since[order_id] = min(written, self.world.scheduler.now)  # the write itself may have come late
        self._check_expired(order_id, change)
        if status_of(change.new) != status_of(change.old) == "BACKORDERED":
            self.born[order_id] = len(self.world.plan.struck)
            self.looks.pop(order_id, None)
            self.waits.pop(order_id, None)
        terminal = status_of(change.new) in ("CONFIRMED", "CANCELLED")
        entry = (change.table, change.key)
        if not terminal:
            self.unfinished.add(entry)
            if "next_due" not in change.new or "due_shard" not in change.new:
                self.fail("V1", f"{order_id} is {status_of(change.new)} and in no sweeper's sight")
        elif entry in self.unfinished:
            self.unfinished.discard(entry)
            if status_of(change.old) not in GOING_BACK:
                self._came_to_rest(order_id)
        if change.old is not None and _fulfilment(change.new) < _fulfilment(change.old):
            self.fail("E3", f"the fulfilment of {order_id} went backwards")

    def _came_to_rest(self, order_id: str) -> None:
        """V1Q: within 3 sweeps, and one more for each fault.

        If faults keep striking one order, the sweeper backs off. Then only sweeps that found it due are counted, and of these
        those that no fault struck, neither on their way to the order nor in the run that they began.
        """
        spans = self._spans(self.looks[order_id], lambda boundary: _concerns(boundary, order_id))
        unstruck = sum(not faults for _, faults in spans)
        struck = list(self.world.plan.struck.items())[self.born.get(order_id, 0) :]
        faults = sum(mode is Mode.CLOCK_JUMP or _concerns(boundary, order_id) for boundary, mode in struck)
        waited = self.waits[order_id]
        self.slowest = max(self.slowest, (unstruck, waited, order_id))
        backs_off = faults > SWEEPS_WITHOUT_BACK_OFF or text_of(self.orders[order_id], "payment_token") == NEVER_ANSWERED
        if unstruck > UNSTRUCK_SWEEPS or (not backs_off and waited > UNSTRUCK_SWEEPS + faults):
            told = f"{order_id} took {waited} sweeps; {len(spans)} found it due, {unstruck} unstruck; {faults} faults"
            self.fail("V1", told + self._told("order", spans))

    def _came_out(self, entry: tuple[str, str]) -> None:
        self._in_time(*entry, self.left_behind.pop(entry, []), "was published")

    def _in_time(self, table: str, key: str, looks: list["Look"], what: str) -> None:
        """V2: a due row, or a stale outbox, is handled within 3 sweeps that no fault strikes, whatever else waits."""
        if len(looks) <= UNSTRUCK_SWEEPS:
            return
        spans = self._spans(looks, lambda boundary: key in boundary or f"{table}-sweeper" in boundary or _hangs(boundary))
        unstruck = sum(not faults for _, faults in spans)
        if unstruck > UNSTRUCK_SWEEPS:
            told = f"{key} {what} after {len(looks)} sweeps, of which {unstruck} nothing struck"
            self.fail("V2", told + self._told(table, spans))

    def _spans(self, looks: list["Look"], concerns: Callable[[str], bool]) -> list[tuple["Look", list[str]]]:
        """Return each look with the faults that struck it, up to the next; a clock that jumps may cut any sweep."""
        if not looks:
            return []
        struck = list(self.world.plan.struck.items())
        ends = (*(look.struck for look in looks[1:]), len(struck))
        return [
            (
                look,
                [
                    f"{mode}: {boundary}"
                    for boundary, mode in struck[look.struck : end]
                    if mode is Mode.CLOCK_JUMP or concerns(boundary)
                ],
            )
            for look, end in zip(looks, ends, strict=True)
        ]

    def _told(self, service: str, spans: list[tuple["Look", list[str]]]) -> str:
        """Return a line for each sweep: what struck it, and how it ended."""
        lines = []
        for look, faults in spans:
            name = f"minute {look.minute} {service}-sweeper"
            ended = self.world.functions.ended.items()
            ends = [end for invocation, end in ended if re.fullmatch(rf"{name} > [\w-]+( \d+)?", invocation)]
            more = f" and {len(faults) - 2} more" if len(faults) > 2 else ""
            lines.append(f"\n  {name}: {'; '.join(ends) or 'still runs'}; {', '.join(faults[:2]) or 'nothing struck it'}{more}")
        return "".join(lines)

    def _check_payment(self, order_id: str, change: Change) -> None:
        """X1: what a payment's row says of the gateway, the gateway's own record of that operation says."""
        row = change.new
        if row is None or status_of(row) == status_of(change.old) or "total" not in row or amount_of(row)[0] == 0:
            return
        attempt = number_of(row, "refund_attempt")
        refund = "refund" if attempt <= 1 else f"refund-{attempt}"
        operation = {
            "AUTHORIZED": "authorize",
            "DECLINED": "authorize",
            "CAPTURED": "capture",
            "CAPTURE_REFUSED": "capture",
            "VOIDED": "void",
            "REFUNDED": refund,
            "REFUND_REFUSED": refund,
        }.get(status_of(row))
        record = self.tables[deployment.LEDGER].rows.get(f"{order_id}|{operation}")
        if operation is not None and text_of(record, "outcome") not in (status_of(row), "OUTSIDE"):
            found = text_of(record, "outcome")
            self.fail("X1", f"the payment of {order_id} is {status_of(row)}; the gateway's {operation} is {found}")

    def _check_given_up(self, change: Change) -> None:
        """X1: whether a mail went out is unknown only once the function that was sending it is over."""
        if text_of(change.new, "reason") != "SENDING_UNKNOWN" or status_of(change.old) != "CLAIMED":
            return
        seconds = (self.world.scheduler.now - self.claimed_at[change.key]) / SECOND
        sending = deployment.infrastructure("notification")["SUBSCRIBER_SECONDS"]
        if seconds < sending and not self._clock_was_wrong(change.key):
            self.fail("X1", f"{change.key} is given up {seconds:.0f} s after its claim; it may be sent for {sending} s")

    def _clock_was_wrong(self, note: str) -> bool:
        """Whether a clock jumped, or was off where the note was claimed or in a sweep that gives claims up."""
        judges = ("notification-sweeper", *self.claimed_in[note])
        return any(
            mode is Mode.CLOCK_JUMP or (mode is Mode.SKEWED and any(judge in boundary for judge in judges))
            for boundary, mode in self.world.plan.struck.items()
        )

    def _note_unfinished(self, change: Change, finished: bool) -> None:
        entry = (change.table, change.key)
        if finished:
            self.unfinished.discard(entry)
        else:
            self.unfinished.add(entry)

    def _ledger(self, order_id: str, operation: str, change: Change) -> None:
        if change.old is not None and change.old != change.new and text_of(change.new, "outcome") != "SPENT":
            self.fail("M2", f"the ledger's {operation} of {order_id} was rewritten")
        if change.new is not None and operation.startswith("capture") and text_of(change.new, "outcome") == "CAPTURED":
            self.captures[order_id][operation] = number_of(change.new, "amount")
        if change.new is not None and operation.startswith("refund") and text_of(change.new, "outcome") in BACK:
            self.refunds[order_id][operation] = number_of(change.new, "amount")

    def _check_turn(self, order_id: str, change: Change) -> None:
        """F1: who gets goods leaves enough for everybody who waited for them before."""
        if status_of(change.new) != "HELD" or status_of(change.old) not in (ABSENT, "WAITING"):
            return
        for line in change.new["lines"]["L"] if change.new else []:
            sku, earlier = line["M"]["sku"]["S"], 0
            for other, quantity in self.waiting[sku].items():
                if other == order_id:
                    break
                earlier += quantity
            left = number_of(self.tables["inventory"].rows.get(f"SKU#{sku}") or {}, "available")
            if left < earlier:
                self.fail("F1", f"{order_id} gets {sku}; {left} are left to those before it, who want {earlier}")

    def _reservation(self, order_id: str, change: Change, skus: dict[str, None]) -> None:
        waited, waits = (status_of(row) == "WAITING" for row in (change.old, change.new))
        for line in change.new["lines"]["L"] if change.new is not None and waited != waits else []:
            sku = line["M"]["sku"]["S"]
            skus[sku] = None
            if waits:
                self.waiting[sku][order_id] = int(line["M"]["quantity"]["N"])
            else:
                self.waiting[sku].pop(order_id)
        for row, sign in ((change.old, -1), (change.new, 1)):
            counted = {"HELD": self.held, "COMMITTED": self.sold}.get(status_of(row))
            if row is None or counted is None:
                continue
            for line in row["lines"]["L"]:
                sku = line["M"]["sku"]["S"]
                counted[sku] += sign * int(line["M"]["quantity"]["N"])
                skus[sku] = None

    def _check_stock(self, sku: str) -> None:
        row = self.tables["inventory"].rows.get(f"SKU#{sku}")
        available, held, sold, replenished = (
            number_of(row or {}, name) for name in ("available", "held", "sold", "replenished")
        )
        if min(available, held, sold) < 0 or available + held + sold != replenished:
            self.fail("S2", f"{sku}: {available} available + {held} held + {sold} sold, {replenished} replenished")
        if held != self.held[sku] or sold != self.sold[sku]:
            self.fail("S3", f"{sku}: {held} held for {self.held[sku]} reserved, {sold} sold for {self.sold[sku]} committed")
        queue = [entry["M"] for entry in (row or {}).get("waiting", {"L": []})["L"]]
        found = [(entry["order_id"]["S"], int(entry["quantity"]["N"])) for entry in queue]
        wanted = number_of(row or {}, "waited_for")
        if found != list(self.waiting[sku].items()) or wanted != sum(self.waiting[sku].values()):
            self.fail("S3", f"{sku}: {found} wait for {wanted}, and {self.waiting[sku]} are WAITING")

    def check_order(self, order_id: str) -> None:
        """Check the invariants of one order that hold at every moment."""
        self.checked += 1
        order = self.orders.get(order_id)
        captures = self.captures.get(order_id, {})
        captured = sum(captures.values())
        status = status_of(order)
        self._check_refunds(order_id, status, captured)
        if captured > sum(self.refunds.get(order_id, {}).values()) and status not in ("CONFIRMING", *OWNED, "REFUNDING"):
            self.fail("M1", f"{captured} is captured for {order_id}, which is {status}")
        if captured:
            assert order is not None
            if len(captures) > 1 or captured > amount_of(order)[0]:
                total = amount_of(order)[0]
                self.fail("M2", f"{captured} was captured in {len(captures)} captures for {order_id}, a total of {total}")
        if status in OWNED:
            assert order is not None
            self._check_owned(order_id, order, captured)
        elif status == "CANCELLED":
            self._check_cancelled(order_id)
        shipment = status_of(self.tables["shipping"].rows.get(f"SHIP#{order_id}"))
        if shipment not in SHIPMENTS_OF.get(status, (ABSENT,)):
            self.fail("E2", f"{order_id} is {status} and its shipment is {shipment}")
        self._check_stripe(order_id, status)
        may_be_late = self.world.adapters and not self.resting  # EasyPost sells a label late, and its refund is asked for then
        if order_id in RemoteCarrier.has and status not in OWNED and not may_be_late:
            self.fail("E2", f"{order_id} is {status} and the carrier has its parcel")
        steps = self.histories.get(order_id, [])
        if steps.count("PENDING→BACKORDERED") > 1:
            self.fail("D2", f"{order_id} waited twice: {steps}")
        if "CONFIRMING→CONFIRMED" in steps and {"PENDING→CANCELLING", "BACKORDERED→CANCELLING"} & {*steps}:
            self.fail("D1", f"{order_id} took both ways: {steps}")

    def _check_owned(self, order_id: str, order: Item, captured: int) -> None:
        """M3: an order that keeps its goods is paid for, and its stock is committed."""
        status, payment, stock = status_of(order), self._payment(order_id), self._stock(order_id)
        if captured != amount_of(order)[0] or payment != "CAPTURED" or stock != "COMMITTED":
            self.fail("M3", f"{order_id} is {status} with {captured} captured, payment {payment}, stock {stock}")
        sold, wanted = (_quantities(row) for row in (self.tables["inventory"].rows[f"RES#{order_id}"], order))
        if sold != wanted:
            self.fail("M3", f"{order_id} is {status} with {sold} sold, which is for {wanted}")

    def _check_cancelled(self, order_id: str) -> None:
        """M4 and S1: a cancelled order keeps no money and no stock."""
        payment, stock = self._payment(order_id), self._stock(order_id)
        if payment not in ("VOIDED", "DECLINED", "REFUNDED") or stock == "HELD" or self._authorized(order_id):
            self.fail("M4", f"{order_id} is cancelled with payment {payment}, stock {stock}")
        if stock not in ("RELEASED", "RESTOCKED"):
            self.fail("S1", f"{order_id} is cancelled with stock {stock}")

    def _check_stripe(self, order_id: str, status: str) -> None:
        """M2, M3, M4 by Stripe's own books, if Stripe is the gateway."""
        if self.world.accounts is None or (order := self.orders.get(order_id)) is None:
            return
        stripe, total = self.world.accounts.stripe, amount_of(order)[0]
        taken, back = stripe.taken(order_id), stripe.given_back(order_id) + self._paid_outside(order_id)
        if len(taken) > 1 or sum(taken) > total or back > sum(taken):
            self.fail("M2", f"Stripe took {taken} and gave back {back} for {order_id}, a total of {total}")
        if status in OWNED and (sum(taken), back) != (total, 0):
            self.fail("M3", f"{order_id} is {status}, a total of {total}; Stripe took {taken} and gave back {back}")
        if status == "CANCELLED" and (stripe.held(order_id) or sum(taken) != back):
            held = stripe.held(order_id)
            self.fail("M4", f"{order_id} is cancelled; Stripe holds {held} authorisations, took {taken}, gave back {back}")

    def _paid_outside(self, order_id: str) -> int:
        """Return what an operator recorded as given back in another way."""
        names = ("refund", *(f"refund-{attempt}" for attempt in range(2, 10)))
        records = (self.tables[deployment.LEDGER].rows.get(f"{order_id}|{name}") for name in names)
        return sum(number_of(record, "amount") for record in records if record and text_of(record, "outcome") == "OUTSIDE")

    def _check_refunds(self, order_id: str, status: str, captured: int) -> None:
        """M6: at most one refund, of no more than was captured, and only of an order whose parcel stays here."""
        refunds = self.refunds.get(order_id, {})
        refunded = sum(refunds.values())
        if len(refunds) > 1 or refunded > captured:
            self.fail("M6", f"{refunded} went back in {len(refunds)} refunds for {order_id}, of {captured} captured")
        if refunds and status not in ("REFUNDING", "CANCELLED"):
            self.fail("M6", f"{refunded} went back for {order_id}, which is {status}")
        if self._payment(order_id) == "REFUNDED" and refunded != captured:
            self.fail("M6", f"the payment of {order_id} is REFUNDED, with {refunded} of {captured} given back")

    def _payment(self, order_id: str) -> str:
        return status_of(self.tables["payment"].rows.get(f"PAY#{order_id}"))

    def _stock(self, order_id: str) -> str:
        return status_of(self.tables["inventory"].rows.get(f"RES#{order_id}"))

    def _authorized(self, order_id: str) -> bool:
        """Whether the gateway keeps money aside for the order."""
        rows = self.tables[deployment.LEDGER].rows
        authorized = text_of(rows.get(f"{order_id}|authorize"), "outcome") == "AUTHORIZED"
        return authorized and f"{order_id}|void" not in rows and not self.captures.get(order_id)

    # calls outside

    def accepted(self, event: "Envelope") -> None:
        """Check an event that the bus accepted: one of ours was in an outbox first, with the same words (E5)."""
        if event["detail"]["metadata"].get("order_id") == FROM_A_NEWER_VERSION:
            return
        text = json.dumps(event["detail"])
        self.read("event", text)
        if event["source"].startswith("orderflow.channel."):
            return
        event_id = event["detail"]["metadata"]["event_id"]
        kept = self.published.get(event_id)
        if kept is None or event["detail"] not in self._in_all_versions(json.loads(kept)):
            self.fail("E5", f"the bus was told {event_id}, which no row ever had pending in these words")

    def read(self, where: str, text: str | None) -> None:
        """P1: whatever leaves a table of contacts is searched for the marker."""
        if text is not None and MARKER in text:
            self.fail("P1", f"a customer's name stands in a {where}: {text[:300]}")

    def told(self, who: str, order_id: str, claimed: str) -> None:
        """C1: a client's answer says that its order has ended; a confirmed one may have been cancelled since."""
        status = status_of(self.orders.get(order_id))
        was_confirmed = claimed == "CONFIRMED" and "CONFIRMING→CONFIRMED" in self.histories.get(order_id, [])
        if status != claimed and not was_confirmed:
            self.fail("C1", f"{who} was told that {order_id} is {claimed}; it is {status}")

    def answered_for(self, who: str, order_id: str, lines: list[tuple[str, int]], refused: bool) -> None:
        """I1: a client was answered about its request; 422 if and only if its key stands for another."""
        order = self.orders.get(order_id)
        asked = order["ordered"]["M"] if order and "ordered" in order else order
        kept = [(line["M"]["sku"]["S"], int(line["M"]["quantity"]["N"])) for line in asked["lines"]["L"]] if asked else None
        if refused == (kept == lines):
            self.fail(
                "I1", f"{who} asked for {lines} as {order_id}, which is {kept}, and was {'' if refused else 'not '}refused"
            )

    def stated(self, told: Mapping[str, Any]) -> None:
        """C1: an order asks payment and inventory for its original lines and total, whatever it is for by now."""
        order = self.orders.get(str(told.get("order_id")))
        if order is None or FORGER in self._task_name():
            return
        ordered = order["ordered"]["M"] if "ordered" in order else order
        if told.get("payable") and told["payable"]["total"]["amount"] != amount_of(ordered)[0]:
            self.fail("C1", f"{told['order_id']} asks for {told['payable']['total']}, and was placed for {amount_of(ordered)}")
        if told.get("wanted") and {line["sku"]: line["quantity"] for line in told["wanted"]["lines"]} != _ordered(order):
            self.fail("C1", f"{told['order_id']} asks for {told['wanted']['lines']}, and was placed for {_ordered(order)}")

    def _task_name(self) -> str:
        task = self.world.scheduler.current
        return task.name if task is not None else ""

    def told_of_no_contact(self, customer_id: str, order_id: str, was_there: bool) -> None:
        """C1: an order is refused for want of a contact if and only if its customer had none, and it was no order yet."""
        if was_there or customer_id not in self.forgotten:
            self.fail("C1", f"customer {customer_id} was told that {order_id} lacks a contact, which it does not")

    def heard_out(self, order_id: str, status: int, *, forged: bool) -> None:
        """C2: the carrier's webhook accepts only the carrier's calls."""
        if status not in ((400,) if forged else (200, 409)):
            self.fail("C2", f"{'a stranger' if forged else 'the carrier'} told of the parcel of {order_id}: {status}")

    def failed(self, invocation: str, error: BaseException) -> None:
        """Check a function that raised or logged an error: it must not be a bug (B1)."""
        if type(error).__name__ in COMES_BACK:
            self.came_back[invocation.rpartition(" > ")[0]] += 1
        if FORGER in invocation:
            return
        if type(error).__name__ in DISHONEST:
            self.fail("B1", f"{invocation} refused what an honest caller asks: {type(error).__name__}: {error}")
        if is_bug(error):
            self.fail("B1", f"{invocation} raised {type(error).__name__}: {error}")

    # sweeps and rest

    def sweeping(self, service: str) -> None:
        """Take note of what the service's sweeper should find: it is about to run."""
        look = Look(self.world.minutes, len(self.world.plan.struck))
        if service != "order":
            self._sweeping_due(service, look)
        republished = self.world.time_of(self.world.scheduler.now - REPUBLISHED_AFTER * SECOND)
        for table, key in self.pending:
            if self.world.conditions.fails(key.split("#")[1]):
                continue
            if table == service and str(text_of(self.tables[table].rows[key], "pending_since")) <= republished:
                self.left_behind[table, key].append(look)
        if service == "order":
            self._sweeping_orders(look)

    def _sweeping_due(self, service: str, look: Look) -> None:
        """Take note of the rows that are due; a claim is when it is so old that it is taken for dead."""
        late = deployment.infrastructure("notification")["CLAIM_UNKNOWN_AFTER_SECONDS"] if service == "notification" else 0
        now = self.world.time_of(self.world.scheduler.now - late * SECOND)
        for entries in self.tables[service].entries.get("due", {}).values():
            for key, due in entries.items():
                if due <= now and not self.world.conditions.fails(key.split("#")[1]):
                    self.due[service, key].append(look)

    def _sweeping_orders(self, look: Look) -> None:
        now = self.world.time_of(self.world.scheduler.now)
        for table, key in sorted(self.unfinished):
            if table == "order":
                order_id = key.partition("#")[2]
                if self._waits_for_time(order_id):
                    continue
                if self.world.conditions.fails(order_id):
                    continue
                self.waits[order_id] += 1
                if str(text_of(self.orders[order_id], "next_due")) <= now:
                    self.looks[order_id].append(look)
        self._check_mails()

    def _waits_for_time(self, order_id: str) -> bool:
        """Whether an order need not be at its end: it waits for stock, or its gateway never answers, until its deadline."""
        order = self.orders[order_id]
        if status_of(order) == "BACKORDERED":
            return True
        lived = (self.world.scheduler.now - self.undecided_since[order_id]) / SECOND
        never_answered = status_of(order) == "PENDING" and text_of(order, "payment_token") == NEVER_ANSWERED
        return never_answered and lived < deployment.abort_after_seconds() + 2 * SKEW_SECONDS

    def tries(self, order_id: str) -> None:
        """Record that a run calls payment or inventory about the order."""
        self.tried[order_id] = self.world.scheduler.now

    def _check_expired(self, order_id: str, change: Change) -> None:
        """T1: an order is cancelled as unavailable only by a try that began after its deadline, and really was made."""
        reason = text_of(change.new, "reason")
        if status_of(change.new) != "CANCELLING" or reason not in UNAVAILABLE or status_of(change.old) == "CANCELLING":
            return
        since = text_of(change.old, "resumed_at") or text_of(change.old, "created_at") or ""
        tried_at = text_of(change.old, "tried_at") or ""
        waited = seconds_between(since, tried_at) if tried_at else 0.0
        really = (self.tried[order_id] - self.undecided_since[order_id]) / SECOND
        if waited < deployment.abort_after_seconds() or really < deployment.abort_after_seconds() - 2 * SKEW_SECONDS:
            told = f"after {waited:.0f} s by its row, and {really:.0f} s by the last try that was made"
            self.fail("T1", f"{order_id} is cancelled as {reason} {told}")

    def _check_mails(self) -> None:
        seen: dict[str, None] = {}
        for mail in self.world.mail.sent:
            if mail.subject in seen:
                self.fail("E4", f"two mails went out: {mail.subject}")
            seen[mail.subject] = None

    def unrest(self) -> str | None:
        """Why the world is not at rest, if it is not."""
        world = self.world
        if self.outside or world.functions.running or world.workflow.running or world.network.copies or world.bus.in_flight:
            return (
                f"{self.outside} customers, {world.functions.running} functions, {world.workflow.running} workflows, "
                f"{world.network.copies} late requests, {world.bus.in_flight} deliveries under way"
            )
        for queue in world.queues.values():
            if queue.messages:
                return f"{len(queue.messages)} messages in {queue.name}"
        if any(not stream.quiet for stream in world.streams.values()):
            return "a stream is being read"
        due = [key for key, row in self.tables["inventory"].rows.items() if key.startswith("SKU#") and "next_due" in row]
        if due:
            return f"nobody has looked at {sorted(due)}"
        unfinished = [entry for entry in sorted(self.unfinished) if not self._waits_for_operator(*entry)]
        if self.pending or unfinished:
            return f"unfinished: {unfinished[:5]}, pending: {sorted(self.pending)[:5]}"
        return None

    def _waits_for_operator(self, table: str, key: str) -> bool:
        """Whether a row waits for the operator.

        An order waits for another attempt at its refund. A note that is certainly unsent waits for the redrive or the
        replay of its event, once that is a dead letter or has expired in the queue.
        """
        if table == "notification":
            note = self.tables[table].rows[key]
            return status_of(note) == "UNSENT" and str(text_of(note, "causation_id")) in self._left_the_queue(
                "notification-notices"
            )
        order_id = key.partition("#")[2]
        if table != "order" or status_of(self.orders[order_id]) not in GOING_BACK:
            return False
        return self._payment(order_id) == "REFUND_REFUSED"

    def _left_the_queue(self, name: str) -> set[str]:
        """Return the ids of the events that nothing delivers any more from the queue of that name."""
        queue = self.world.queues[name]
        bodies = (json.loads(letter.body) for letter in (*queue.dead, *queue.expired))
        return {body["detail"]["metadata"]["event_id"] for body in bodies if "metadata" in body.get("detail", {})}

    def stuck(self) -> None:
        """Fail because the world does not come to rest; name the unfinished rows and the running work."""
        waiting = {name: len(queue.messages) for name, queue in self.world.queues.items() if queue.messages}
        unfinished = [entry for entry in sorted(self.unfinished) if not self._waits_for_operator(*entry)][:5]
        told = f"unfinished: {unfinished}, pending: {sorted(self.pending)[:5]}, messages: {waiting}"
        self.fail("V1", f"after {self.world.minutes} minutes: {told}; {self.unrest()}")

    def at_rest(self) -> None:
        """Everything that must hold once nothing is left to run."""
        self.resting = True
        for order_id, order in sorted(self.orders.items()):
            self.check_order(order_id)
            if "next_due" in order and status_of(order) not in GOING_BACK:
                self.fail("V1", f"{order_id} is {status_of(order)} and still in the sweeper's index")
        for sku in sorted({*self.held, *self.sold}):
            self._check_stock(sku)
        self._check_money()
        self._check_mails()
        for event_id in sorted(self.published):
            if event_id not in self.world.bus.accepted:
                self.fail("E5", f"the bus never accepted {event_id}")
            for detail in self._in_all_versions(json.loads(self.published[event_id])):
                version = detail["metadata"]["event_version"]
                if (event_id, version) not in self.world.bus.accepted_versions:
                    self.fail("E5", f"the bus never accepted version {version} of {event_id}")
        for queue in self.world.queues.values():
            for name, batch, answered, struck in queue.batches:
                about = [message.about for message in batch]
                if answered is None and not any(self._may_cut(boundary, name) for boundary in struck):
                    silent = ", ".join(boundary for boundary in struck if " > gateway " in boundary) or "nothing"
                    self.fail("A1", f"{queue.name}: a batch of {about} was cut, and {silent} struck it")
                if answered is not None and not struck and self._failures(batch, answered) > self.came_back[name]:
                    self.fail("A1", f"{queue.name}: a batch of {about} failed, and nothing struck it")
        self.resting = False

    def _may_cut(self, boundary: str, batch: str) -> bool:
        """Whether a fault there may cut the function that has the batch: a gateway that gives no answer must not."""
        mode = self.world.plan.struck[boundary]
        return mode is Mode.CLOCK_JUMP or (boundary.startswith(batch) and not (mode in SILENT and " > gateway " in boundary))

    def _failures(self, batch: list["Message"], answered: "Answered") -> int:
        """Return the number of failed messages in a batch whose orders have no failing row."""
        failed = {failure["itemIdentifier"] for failure in answered.value["batchItemFailures"]}
        return sum(message.id in failed and not self._row_failed(message) for message in batch)

    def _row_failed(self, message: "Message") -> bool:
        """Whether a row of the order that a message is about ever failed; a channel's event names its key, not its order."""
        event = json.loads(message.body)
        channel = str(event["source"]).removeprefix("orderflow.channel.")
        order_id = self._placed_by(channel, event["detail"].get("data")) if channel != event["source"] else None
        return self.world.conditions.failed(order_id or message.body)

    def _in_all_versions(self, event: Mapping[str, object]) -> list[Mapping[str, Any]]:
        """Return the event's detail, and that of the older versions that consumers may still count on."""
        versions = import_module("kernel.versions")
        older = versions.also_published(event["source"], event["detail-type"], event["detail"], self.world.clock().date())
        return [event["detail"], *older]

    def deliveries_processed(self) -> None:
        """E5: what reached a queue was processed, or is in its dead-letter queue."""
        for queue in self.world.queues.values():
            dead = {json.dumps(json.loads(letter.body)["detail"]) for letter in (*queue.dead, *queue.expired)}
            for event_id, body in sorted(queue.arrived.items()):
                envelope = json.loads(body)
                if event_id.startswith(STRANGER):
                    continue
                if json.dumps(envelope["detail"]) not in dead and not self._processed(queue.name, envelope):
                    self.fail("E5", f"{event_id} came to {queue.name}, and was neither processed nor set aside")

    def _processed(self, queue: str, envelope: Mapping[str, Any]) -> bool:
        detail_type, detail = envelope["detail-type"], envelope["detail"]
        order_id = detail["metadata"].get("order_id", "")
        match queue:
            case "shipping-orders" | "shipping-cancellations":
                return f"SHIP#{order_id}" in self.tables["shipping"].rows
            case "payment-cancellations":
                return not detail["data"].get("confirmed") or self._payment(order_id) != "CAPTURED"
            case "inventory-cancellations":
                return not detail["data"].get("confirmed") or self._stock(order_id) != "COMMITTED"
            case "notification-notices":
                kinds = import_module("services.notification.domain.mails").KINDS
                return f"NOTE#{order_id}#{kinds[detail_type]}" in self.tables["notification"].rows
            case "order-fulfilment":
                return _has_taken_in(self.orders[order_id], detail_type)
            case "order-intake":
                return self._taken_in(str(envelope["source"]).removeprefix("orderflow.channel."), detail["data"])
        raise AssertionError(f"the queue {queue} is unknown here")

    def _taken_in(self, channel: str, asked: Mapping[str, Any]) -> bool:
        """Whether the channel's key has an order, and it is the one that the event asks for."""
        order = self.orders.get(self._placed_by(channel, asked) or "")
        if order is None:
            return False
        lines = {line["sku"]: line["quantity"] for line in asked["lines"]}
        about = [text_of(order, name) for name in ("customer_id", "payment_token")]
        return _ordered(order) == lines and about == [asked["customer_id"], asked["payment_token"]]

    def _placed_by(self, channel: str, asked: object) -> str | None:
        """Return the id of the order that was placed under the key in the data of a channel's event."""
        if not isinstance(asked, Mapping):
            return None
        key_hash = hashlib.sha256(f"channel:{channel}\n{asked.get('idempotency_key')}".encode()).hexdigest()
        return self.placed.get((channel, "", key_hash))

    def _check_money(self) -> None:
        """M5Q: captured, in each currency, is the total of the confirmed orders, to the cent."""
        confirmed: dict[str, int] = defaultdict(int)
        captured: dict[str, int] = defaultdict(int)
        for order_id, order in self.orders.items():
            amount, currency = amount_of(order)
            if status_of(order) in OWNED or (status_of(order) == "REFUNDING" and not self.refunds.get(order_id)):
                confirmed[currency] += amount
        for row in self.tables[deployment.LEDGER].rows.values():
            sign = {"CAPTURED": 1, **dict.fromkeys(BACK, -1)}.get(str(text_of(row, "outcome")), 0)
            captured[str(text_of(row, "currency"))] += sign * number_of(row, "amount")
        if {c: a for c, a in confirmed.items() if a} != {c: a for c, a in captured.items() if a}:
            self.fail("M5", f"captured {dict(captured)}, confirmed {dict(confirmed)}")

    def consumers_complete(self) -> None:
        """R1, E1, E3: after a replay that covers the losses, consumers' tables are those of the fault-free run."""
        for order_id, order in sorted(self.orders.items()):
            status = status_of(order)
            shipment = self.tables["shipping"].rows.get(f"SHIP#{order_id}")
            if status not in ("CONFIRMED", "CANCELLED"):
                self.fail("V1", f"{order_id} stays {status}")
            was_confirmed = "CONFIRMING→CONFIRMED" in self.histories[order_id]
            expected = ("confirmed", "dispatched") if status == "CONFIRMED" else ("cancelled", "confirmed")[: 1 + was_confirmed]
            if "PENDING→BACKORDERED" in self.histories[order_id]:
                expected = ("backordered", *expected)
            reachable = str(text_of(order, "customer_id")) not in self.forgotten
            if status == "CONFIRMED":
                if shipment is None:
                    self.fail("E3", f"{order_id} is confirmed and has no shipment")
                if (status_of(shipment), _fulfilment(order)) != ("DELIVERED", 2):
                    self.fail("R1", f"{order_id}: shipment {status_of(shipment)}, fulfilment {_fulfilment(order)}")
            elif was_confirmed and (self._payment(order_id), self._stock(order_id)) != ("REFUNDED", "RESTOCKED"):
                self.fail("R1", f"{order_id}: payment {self._payment(order_id)}, stock {self._stock(order_id)}")
            if reachable and text_of(order, "reason") == "NO_ADDRESS":
                self.fail("R1", f"{order_id} is cancelled for want of an address that its customer always had")
            for kind in expected:
                note = self.tables["notification"].rows.get(f"NOTE#{order_id}#{kind}")
                sent = sum(mail.subject == _subject(order_id, kind) for mail in self.world.mail.sent)
                unknown = text_of(note, "reason") == "SENDING_UNKNOWN" and self._struck_note(f"NOTE#{order_id}#{kind}")
                if status_of(note) == "SENT" and sent != 1:
                    self.fail("R1", f"the note {kind} of {order_id} is SENT with {sent} mails")
                if reachable and status_of(note) != "SENT" and not unknown:
                    self.fail("R1", f"the note {kind} of {order_id} is {status_of(note)} ({text_of(note, 'reason')})")

    def _struck_note(self, key: str) -> bool:
        """Whether a fault struck an invocation that claimed the note, or a write of the note itself."""
        claimed = tuple(self.claimed_in[key])
        return any(
            key in boundary or mode is Mode.CLOCK_JUMP or any(one in boundary for one in claimed)
            for boundary, mode in self.world.plan.struck.items()
            if mode not in (Mode.SLOW, Mode.LASTING) or "row " in boundary
        )

    def fail(self, name: str, text: str) -> NoReturn:
        """Raise Violated."""
        raise Violated(name, f"{text} (at {self.world.scheduler.now / SECOND:.3f} s)")


def _concerns(boundary: str, order_id: str) -> bool:
    """Whether a fault there could keep the order from its end: in its own runs, or in the sweeper itself."""
    return _hangs(boundary) or order_id in boundary or ("order-sweeper" in boundary and " > saga" not in boundary)


def _hangs(boundary: str) -> bool:
    return boundary.endswith("the gateway hangs")


def _sender(task: str) -> str:
    """Return the invocation that a write came from: a copy's is that of its boundary."""
    return task.removeprefix("copy of [").rpartition(" > ")[0] if task.startswith("copy of [") else task


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds from one RFC 3339 moment to another."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def _subject(order_id: str, kind: str) -> str:
    return f"Your order {order_id} " + next(words for words, of in MAIL_KINDS.items() if of == kind)


def _has_taken_in(order: Item, detail_type: str) -> bool:
    """Return True if the order shows the event's effect, or is beyond it."""
    status = status_of(order)
    return {
        "ShipmentDispatched": _fulfilment(order) >= 1,
        "ShipmentDelivered": _fulfilment(order) >= 2,
        "ShipmentCancelled": status in ("REFUNDING", "CANCELLED"),
        "ShipmentFailed": status in ("REFUNDING", "CANCELLED"),
        "PaymentRefunded": status == "CANCELLED" or "refunded" in order,
        "StockAllocated": status != "BACKORDERED",
        "StockReleased": status != "REFUNDING" or "restocked" in order,
    }[detail_type]


def _ordered(order: Item) -> dict[str, int]:
    return _quantities(order["ordered"]["M"] if "ordered" in order else order)


def _quantities(row: Item) -> dict[str, int]:
    return {line["M"]["sku"]["S"]: int(line["M"]["quantity"]["N"]) for line in row["lines"]["L"]}


def _fulfilment(order: Item) -> int:
    return ("NONE", "DISPATCHED", "DELIVERED").index(str(text_of(order, "fulfilment")))


def _transition_tables() -> Mapping[str, Mapping[tuple[str, str], frozenset[str | None]]]:
    """By aggregate and (from, to): the events that the step may publish."""
    found: dict[str, dict[tuple[str, str], frozenset[str | None]]] = {}
    for table in _tables():
        steps: dict[tuple[str, str], set[str | None]] = defaultdict(set)
        for transition in table.transitions:
            for source in transition.sources:
                steps[source, transition.target].add(transition.publishes)
        found[table.aggregate] = {pair: frozenset(types) for pair, types in steps.items()}
    return found


def _tables() -> Iterator[Any]:
    for service in deployment.SWEEPERS:
        module = import_module(f"services.{service}.domain.states")
        for name in ("TRANSITIONS", "REPLENISHMENTS", "LEVELS"):
            if hasattr(module, name):
                yield getattr(module, name)


def is_bug(error: BaseException) -> bool:
    """Return whether the services call the error a bug of theirs, or Python does."""
    of_python = AssertionError | TypeError | KeyError | AttributeError | NameError | IndexError
    return isinstance(error, of_python) or any(kind.__name__ == "BugError" for kind in type(error).__mro__)
