"""The rows of a stage by order and by SKU, and what cannot be judged of them."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from audit import ledger
from audit.finding import Finding
from audit.row_faults import faults_of, faults_of_record, subject_of
from audit.row_forms import KnownRow, LedgerRecord, SkuRow, StoredRow, known_row, ledger_record
from audit.row_kinds import kind_of
from audit.snapshot import Snapshot
from audit.tables import SERVICES, TABLES
from services.inventory.domain.model import PlaceRow, ReplenishmentRow, ReservationRow, ShardRow
from services.notification.domain.model import Kind, NoteRow
from services.order.domain.model import OrderRow
from services.payment.domain.model import PaymentRow
from services.shipping.domain.model import ShipmentRow


@dataclass
class OrderRecords:
    """The rows of one order in all tables. Notes are by kind, ledger records by operation."""

    order: OrderRow | None = None
    payment: PaymentRow | None = None
    reservation: ReservationRow | None = None
    shipment: ShipmentRow | None = None
    notes: dict[Kind, NoteRow] = field(default_factory=dict)
    ledger: dict[str, LedgerRecord] = field(default_factory=dict)

    @property
    def captured(self) -> int:
        """The amount that the gateway captured, in minor units."""
        record = self.ledger.get("capture")
        return record["amount"] if record is not None and record["outcome"] == "CAPTURED" else 0

    @property
    def refunded(self) -> int:
        """The amount that the customer got back, in minor units."""
        return sum(record["amount"] for record in self.refunds.values() if record["outcome"] in ledger.PAID_BACK)

    @property
    def refunds(self) -> dict[str, LedgerRecord]:
        """The ledger's records of refunds, one for each attempt."""
        return {name: record for name, record in self.ledger.items() if ledger.operation_of(name) == "refund"}

    def outcome(self, operation: str) -> str | None:
        """Return the outcome of an operation by the ledger, or None."""
        return self.ledger[operation]["outcome"] if operation in self.ledger else None


@dataclass
class GroupedRows:
    """The well-formed rows by subject, the faults of single rows, and the subjects with a malformed or changed row."""

    orders: defaultdict[str, OrderRecords] = field(default_factory=lambda: defaultdict(OrderRecords))
    skus: dict[str, SkuRow] = field(default_factory=dict)
    replenishments: list[ReplenishmentRow] = field(default_factory=list)
    shards: list[ShardRow] = field(default_factory=list)
    places: list[PlaceRow] = field(default_factory=list)
    unjudged_orders: set[str] = field(default_factory=set)
    unjudged_skus: set[str] = field(default_factory=set)
    found: list[Finding] = field(default_factory=list)


def group(snapshot: Snapshot, *, settled: bool) -> GroupedRows:
    """Group the rows by order and by SKU, with the faults of single rows and duplicate rows.

    Unless settled, exclude the subjects with a row that changed since the reading began.
    """
    grouped = GroupedRows()
    for table in SERVICES:
        for row in snapshot.table(table):
            _add_row(grouped, table, row)
    for record in snapshot.ledger:
        _add_record(grouped, record)
    grouped.found += _duplicates(snapshot)
    if not settled:
        _leave_out_what_moved(snapshot, grouped)
    return grouped


def _add_row(grouped: GroupedRows, table: str, row: StoredRow) -> None:
    faults = list(faults_of(table, row))
    grouped.found += faults
    if not faults:
        _file(grouped, known_row(row))
    elif isinstance(row, dict) and isinstance(order_id := row.get("order_id"), str):
        grouped.unjudged_orders.add(order_id)


def _add_record(grouped: GroupedRows, row: StoredRow) -> None:
    faults = list(faults_of_record(row))
    grouped.found += faults
    if not faults:
        record = ledger_record(row)
        if ledger.operation_of(record["sk"]) != "keys":  # a count of calls to the gateway moves no money
            grouped.orders[record["pk"]].ledger[record["sk"]] = record
    elif isinstance(row, dict) and isinstance(row.get("pk"), str):
        grouped.unjudged_orders.add(row["pk"])


def _duplicates(snapshot: Snapshot) -> Iterator[Finding]:
    """Yield a finding for each row of an identity that another row has already."""
    seen: Counter[str] = Counter()
    for table in SERVICES:
        for row in snapshot.table(table):
            kind = kind_of(table, row) if isinstance(row, dict) else None
            identity = kind.identity(row) if kind else None
            if kind is not None and identity is not None:
                seen[identity] += 1
                if seen[identity] == 2:
                    yield Finding(kind.twice, identity, "has two rows")
    for record in snapshot.ledger:
        if not any(faults_of_record(record)):
            subject = subject_of(record)
            seen[subject] += 1
            if seen[subject] == 2:
                yield Finding("M2", subject, "is recorded twice")


def _file(grouped: GroupedRows, known: KnownRow) -> None:
    """Put a row where its subject's other rows are."""
    match known:
        case ("ORDER", order):
            grouped.orders[order["order_id"]].order = order
        case ("PAY", payment):
            grouped.orders[payment["order_id"]].payment = payment
        case ("RES", reservation):
            grouped.orders[reservation["order_id"]].reservation = reservation
        case ("SHIP", shipment):
            grouped.orders[shipment["order_id"]].shipment = shipment
        case ("NOTE", note):
            grouped.orders[note["order_id"]].notes[note["kind"]] = note
        case ("SKU", sku):
            grouped.skus[sku["sku"]] = sku
        case ("SHARD", shard):
            grouped.shards.append(shard)
        case ("PLACE", place):
            grouped.places.append(place)
        case ("REPL", replenishment):
            grouped.replenishments.append(replenishment)


def _leave_out_what_moved(snapshot: Snapshot, grouped: GroupedRows) -> None:
    """Mark the orders and SKUs with a row that changed since the reading began.

    Rows that did not change were all true at that moment. If one changed, none of its subject's rows can be judged.
    """
    for row in [*(row for table in TABLES for row in snapshot.table(table)), *snapshot.moved_since]:
        if not isinstance(row, dict):
            continue
        changed = row.get("updated_at", row.get("recorded_at"))
        if isinstance(changed, str) and changed >= snapshot.began:
            grouped.unjudged_orders.add(str(row.get("order_id", row.get("pk"))))
            touched = row.get("lines", row.get("items", ()))
            if isinstance(touched, list):
                grouped.unjudged_skus.update(str(line.get("sku")) for line in touched if isinstance(line, dict))
