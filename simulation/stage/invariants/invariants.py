"""All invariants of one world: each write, answer, event and sweep goes to the subjects that it touches."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simulation.engine.bus import Envelope
from simulation.engine.dynamodb import Change
from simulation.engine.faults import Kind
from simulation.stage import deployment
from simulation.stage.forger import FORGER
from simulation.stage.invariants import bugs, forgery, parcels, replay
from simulation.stage.invariants.answers import Answers
from simulation.stage.invariants.deadlines import Deadlines
from simulation.stage.invariants.deliveries import Deliveries
from simulation.stage.invariants.lifecycle import Lifecycle
from simulation.stage.invariants.mails import Mails
from simulation.stage.invariants.money import Money
from simulation.stage.invariants.outbox import Outbox
from simulation.stage.invariants.placement import Placement
from simulation.stage.invariants.privacy import Privacy
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rest import Rest
from simulation.stage.invariants.rows import GOING_BACK, status_of
from simulation.stage.invariants.stock import Stock
from simulation.stage.invariants.sweeps import Sweeps
from simulation.stage.invariants.traces import Traces
from simulation.stage.statements import Statements

if TYPE_CHECKING:
    from simulation.stage.world import World

TERMINAL_SHIPMENT = ("DELIVERED", "CANCELLED", "FAILED")


class Invariants:
    """The invariants of one world, by subject."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.record = Record(world.dynamodb.tables, world.plan, lambda: world.scheduler.now)
        self.statements = Statements(self.record.now, world.functions, self.record.fail)
        self.privacy = Privacy(self.record)
        self.traces = Traces(self.record)
        self.outbox = Outbox(self.record, world.bus, self.privacy, self.traces, world.older_versions)
        self.lifecycle = Lifecycle(self.record, self.outbox)
        self.placement = Placement(self.record)
        self.deadlines = Deadlines(self.record, world.since_epoch)
        self.sweeps = Sweeps(world, self.record, self.deadlines)
        self.rest = Rest(world, self.record)
        self.money = Money(self.record)
        self.stock = Stock(self.record)
        self.mails = Mails(self.record, world.mail)
        self.deliveries = Deliveries(self.record, self.placement, world.conditions.failed)
        self.answers = Answers(self.record)
        self.writes = 0
        """The number of writes so far, each transaction once, without those of a sweeper that only looked at a row."""
        self.written: list[str] = []
        """The first row of each of the last writes."""
        self.checked = 0
        """The number of checks of an order so far."""

    def logged(self, text: str) -> None:
        """Search the lines of a function's log for personal data, and compare their traces."""
        self.privacy.no_personal_data_leaks("log", text)
        self.traces.logged(text)

    # every write

    def committed(self, changes: list[Change]) -> None:
        """Check and record a write, or all writes of a transaction."""
        if not all(map(self._only_looked_at, changes)):
            self.writes += 1
            self.written = [*self.written[-4:], changes[0].key]
        forgery.writes_no_row(self.record, self._task_name(), changes)
        orders: dict[str, None] = {}
        skus: dict[str, None] = {}
        for change in changes:
            self.statements.committed(change)
            self.sweeps.due_row_written(change)
            order_id = self._row_written(change, skus)
            if order_id is not None:
                orders[order_id] = None
        for order_id in orders:
            self.check_order(order_id)
        for sku in skus:
            self.stock.check_sku(sku)

    def _row_written(self, change: Change, skus: dict[str, None]) -> str | None:
        """Check and record the write of one row. Add its SKUs to `skus`; return its order, or None."""
        if change.table == deployment.LEDGER:
            order_id, _, operation = change.key.partition("|")
            self.money.ledger_written(order_id, operation, change)
            return order_id
        aggregate, _, rest = change.key.partition("#")
        row = (change.table, change.key)
        if aggregate in self.lifecycle.steps:
            self.lifecycle.written(aggregate, change)
            if self.outbox.written(change):
                self.sweeps.outbox_emptied(row)
        match aggregate:
            case "ORDER" if change.new is not None:
                self.record.orders[rest] = change.new
                self.placement.order_written(rest, change)
                self.stock.placed.setdefault(rest, self.record.now())
                self.deadlines.order_written(rest, change)
                self.sweeps.order_written(rest, change)
                self.lifecycle.fulfilment_never_goes_back(rest, change)
            case "PAY":
                self.money.payment_agrees_with_the_gateway(rest, change)
                self.record.note_end(row, ended=status_of(change.new) != "REFUNDING")
            case "RES":
                self.stock.back_orders_are_served_in_order(rest, change)
                self.stock.order_is_refused_only_if_short(rest, change)
                skus.update(dict.fromkeys(self.stock.reservation_written(rest, change)))
            case "SKU":
                skus[rest] = None
                return None
            case "SHARD":
                skus[rest.rpartition("#")[0]] = None
                return None
            case "SHIP":
                self.record.note_end(row, ended=status_of(change.new) in TERMINAL_SHIPMENT)
            case "NOTE":
                self.mails.note_written(change, self.world.scheduler.current)
                return rest.partition("#")[0]
            case _:
                return None
        return rest

    def _only_looked_at(self, change: Change) -> bool:
        """Return True if a sweeper put off a row that waits for the operator, or an order that waits repeated its request."""
        waits = status_of(self.record.orders.get(change.key.split("#")[-1])) in GOING_BACK
        apart = ("next_due", "pending", "pending_since", "pending_shard") if waits else ("next_due",)
        old, new = (
            {name: value for name, value in (row or {}).items() if name not in apart} for row in (change.old, change.new)
        )
        return change.old is not None and old == new

    def check_order(self, order_id: str, *, at_rest: bool = False) -> None:
        """Check the invariants of one order that hold at every moment."""
        self.checked += 1
        self.money.check_order(order_id)
        self.stock.cancelled_order_keeps_no_stock(order_id)
        parcels.shipment_agrees_with_order(self.record, order_id)
        self.money.check_stripe(order_id)
        if at_rest or not self.world.adapters:  # EasyPost sells a label late, and its refund is asked for then
            parcels.carrier_has_only_confirmed_orders(self.record, order_id)
        self.lifecycle.order_takes_one_way(order_id)

    # calls and events

    def met(self, boundary: str, kind: Kind) -> None:
        """Check a call that a task is about to make."""
        forgery.makes_no_call(self.record, boundary, kind)

    def accepted(self, event: Envelope) -> None:
        """Check an event that the bus accepted."""
        self.outbox.accepted(event, self.world.clock().date())

    def asked_for(self, payload: Mapping[str, Any]) -> None:
        """Check the order's request to payment and inventory, unless the forger made it up."""
        if FORGER not in self._task_name():
            self.answers.asked_for(payload)

    def failed(self, invocation: str, error: BaseException) -> None:
        """Check an error that an invocation raised or logged."""
        self.deliveries.failed(invocation, error)
        bugs.no_function_reports_a_bug(self.record, invocation, error)

    # sweeps and rest

    def sweeping(self, service: str) -> None:
        """Record that the service's sweeper is about to run."""
        self.sweeps.begin(service)
        if service == "order":
            self.mails.one_mail_per_order_and_kind()

    def at_rest(self) -> None:
        """Check everything that must hold once no work is left to do."""
        for order_id in sorted(self.record.orders):
            self.check_order(order_id, at_rest=True)
        self.rest.check_orders()
        self.stock.check_every_sku()
        self.money.net_captured_equals_confirmed_totals()
        self.mails.one_mail_per_order_and_kind()
        self.outbox.check_at_rest(self.world.clock().date())
        for queue in self.world.queues.values():
            self.deliveries.bad_message_blocks_no_other(queue)

    def every_event_is_processed(self) -> None:
        """Check at rest that the consumers processed every event that reached them."""
        for queue in self.world.queues.values():
            self.deliveries.every_event_is_processed(queue)

    def consumers_are_complete(self) -> None:
        """Check the consumers' tables after a replay that covers the losses."""
        replay.consumers_are_complete(self.record, self.mails)

    def _task_name(self) -> str:
        task = self.world.scheduler.current
        return task.name if task is not None else ""
