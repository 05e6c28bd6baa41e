"""Checks of stock: an order's reservation, and each SKU's counters and queue."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from audit.checks.broken import Broken
from audit.finding import Finding
from audit.order_facts import (
    ALLOW_PARTIAL,
    BACK_ORDER,
    original_order,
    quantity_by_sku,
    sorted_lines,
    status_of,
    steps_to_void,
    was_confirmed,
)
from audit.records import GroupedRows, OrderRecords
from audit.row_kinds import COUNTERS, REFUNDS
from kernel.aggregate_store import Row
from services.inventory.domain import states as stock
from services.order.domain import states as order
from services.payment.domain import states as payment

AUTHORIZED = frozenset({payment.AUTHORIZED, payment.CAPTURING, payment.CAPTURED, payment.CAPTURE_REFUSED, *REFUNDS})
"""Statuses of a payment that was authorized."""
VOIDED_AFTER_AUTHORIZATION = 3
"""The least steps until a payment is VOIDING that was authorized before."""


def check_reservation(row: Row, records: OrderRecords) -> Broken:
    """Check that the reservation is for what was ordered, and was made only once the payment was authorized."""
    reserved = records.reservation
    if reserved is None or "lines" not in reserved:
        return
    wanted = quantity_by_sku(original_order(row)["lines"])
    if reserved.get("asked", reserved["lines"]) != sorted_lines(wanted):
        yield "W3", "its reservation is of other lines"
    held = quantity_by_sku(reserved["lines"])
    if "asked" in reserved and (row.get("if_short") != ALLOW_PARTIAL or held == wanted):
        yield "W3", "its reservation is of a part, which it did not allow"
    decided = row["status"] == order.CONFIRMING or was_confirmed(row) or row.get("reason") == "CAPTURE_REFUSED"
    if decided and reserved["lines"] != sorted_lines(quantity_by_sku(row["lines"])):
        yield "W3", "its reservation differs from its lines"
    if "backordered" in reserved and row.get("if_short") != BACK_ORDER:
        yield "W3", "its reservation waited, although it is no back-order"
    for short in reserved.get("short", ()):
        if wanted.get(short["sku"]) != short["requested"] or short["available"] >= short["requested"]:
            yield "W3", f"its reservation was rejected for {short['sku']}, although there was enough"
    if not _was_authorized(records.payment):
        yield "W3", f"it has a reservation, and its payment is {status_of(records.payment)}, never authorized"


def _was_authorized(paid: Row | None) -> bool:
    if paid is None or paid["status"] not in (payment.VOIDING, payment.VOIDED):
        return status_of(paid) in AUTHORIZED
    return steps_to_void(paid) >= VOIDED_AFTER_AUTHORIZATION


@dataclass
class Reserved:
    """The sums of the reservations and replenishments, by SKU. `waiting` is the quantity of each order that waits."""

    held: Counter[str] = field(default_factory=Counter)
    sold: Counter[str] = field(default_factory=Counter)
    arrived: Counter[str] = field(default_factory=Counter)
    waiting: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))


def check_counters(grouped: GroupedRows) -> Iterator[Finding]:
    """Recompute each SKU's counters and queue from the reservations and replenishments."""
    reserved = _add_up(grouped)
    skus = {*reserved.held, *reserved.sold, *reserved.arrived, *reserved.waiting, *grouped.skus}
    for sku in sorted(skus - grouped.unjudged_skus):
        row = grouped.skus.get(sku, dict.fromkeys(COUNTERS, 0))
        yield from (Finding(code, f"SKU#{sku}", what) for code, what in _check_sku(sku, row, reserved))


def _add_up(grouped: GroupedRows) -> Reserved:
    reserved = Reserved()
    counters = {stock.HELD: reserved.held, stock.COMMITTED: reserved.sold}
    for records in grouped.orders.values():
        reservation = records.reservation
        if reservation is None:
            continue
        if reservation["status"] == stock.WAITING:
            for line in reservation["lines"]:
                reserved.waiting[line["sku"]][reservation["order_id"]] = line["quantity"]
        if reservation["status"] in counters:
            _add(counters[reservation["status"]], reservation["lines"])
    for replenishment in grouped.replenishments:
        _add(reserved.arrived, replenishment["items"])
    return reserved


def _check_sku(sku: str, row: Row, reserved: Reserved) -> Broken:
    available, held, sold, replenished = (row[counter] for counter in COUNTERS)
    if min(available, held, sold) < 0 or available + held + sold != replenished:
        yield "S2", f"{available} available + {held} held + {sold} sold, and {replenished} replenished"
    if replenished != reserved.arrived[sku]:
        yield "S2", f"{replenished} replenished, and {reserved.arrived[sku]} arrived"
    if (held, sold) != (reserved.held[sku], reserved.sold[sku]):
        yield "S3", f"{held} held for {reserved.held[sku]} reserved, {sold} sold for {reserved.sold[sku]} committed"
    queue = {entry["order_id"]: entry["quantity"] for entry in row.get("waiting", ())}
    if queue != reserved.waiting[sku] or row.get("waited_for", 0) != sum(queue.values()):
        waiting = len(reserved.waiting[sku])
        yield "S3", f"{len(queue)} wait for {row.get('waited_for', 0)}, and {waiting} reservations are WAITING"


def _add(counter: Counter[str], lines: Iterable[Row]) -> None:
    for line in lines:
        counter[line["sku"]] += line["quantity"]
