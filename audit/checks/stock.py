"""Checks of stock: an order's reservation, and each SKU's counters and queue."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

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
from audit.row_forms import SkuRow
from audit.row_kinds import COUNTERS, REFUNDS
from kernel.aggregate_store import AggregateRow
from kernel.statements import Quantity
from services.inventory.domain import states as stock
from services.inventory.domain.model import PlaceRow, ReplenishmentRow, ReservationRow, ShardRow
from services.order.domain import states as order
from services.order.domain.model import OrderRow
from services.payment.domain import states as payment
from services.payment.domain.model import PaymentRow

AUTHORIZED = frozenset({payment.AUTHORIZED, payment.CAPTURING, payment.CAPTURED, payment.CAPTURE_REFUSED, *REFUNDS})
"""Statuses of a payment that was authorized."""
VOIDED_AFTER_AUTHORIZATION = 3
"""The least steps until a payment is VOIDING that was authorized before."""


def check_reservation(row: OrderRow, records: OrderRecords) -> Broken:
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


def _was_authorized(paid: PaymentRow | None) -> bool:
    if paid is None or paid["status"] not in (payment.VOIDING, payment.VOIDED):
        return status_of(paid) in AUTHORIZED
    return steps_to_void(paid) >= VOIDED_AFTER_AUTHORIZATION


class Cut(NamedTuple):
    """The moments (RFC 3339) before and after the reading of a SKU's row.

    A row of a reservation that was last written before `since` was then as it is now; one that was created after `until`
    was not there. Each other row may have had another status.
    """

    since: str
    until: str


AT_ONE_MOMENT: Final = Cut("9999", "9999")
"""The cut of a snapshot whose rows were all true at one moment."""


@dataclass
class SkuSums:
    """The units of one row of stock by its reservations and deliveries, beside its counters and its queue.

    The row is a SKU's own, `MUG`, which has the deliveries and the queue, or a shard beside it, `MUG#2`.

    `held`, `sold` and `arrived` are certain at the cut; `maybe_...` are the units of rows that may have had another status.
    `places` counts the rows of places in the queue, `placed` the reservations that wait at one, for `waited` units; `misplaced`
    of them are outside of the queue's bounds. `queue` is the quantity of each order in the list of an older version, `waiting`
    that of each order that certainly waits in it; `maybe_waiting` lists orders of `queue` that may wait.
    """

    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    queue: dict[str, int] = field(default_factory=dict)
    waited_for: int = 0
    first_place: int = 0
    next_place: int = 0
    shards: int = 0
    merging: int = 0
    splits: int = 0
    in_shards: int | None = 0
    """The units that came into the shards of a SKU, or None if units moved between its rows while they were read."""
    is_stranded: bool = False
    """True if units are available in a shard of a SKU that is neither split nor merging."""
    cut: Cut | None = None
    held: int = 0
    sold: int = 0
    arrived: int = 0
    maybe_held: int = 0
    maybe_sold: int = 0
    maybe_arrived: int = 0
    places: int = 0
    placed: int = 0
    waited: int = 0
    misplaced: int = 0
    maybe_placed: int = 0
    maybe_waited: int = 0
    waiting: dict[str, int] = field(default_factory=dict)
    maybe_waiting: list[str] = field(default_factory=list)


@dataclass
class StockSums:
    """The sums of each row of stock. The rows of the inventory are added one by one: SKUs, shards and places before the others.

    `cut` is that of all places, and of a SKU without a row. Memory grows with the SKUs, not with the reservations.
    """

    skus: dict[str, SkuSums] = field(default_factory=dict)
    cut: Cut = AT_ONE_MOMENT

    def add_sku(self, row: SkuRow, cut: Cut) -> None:
        """Take the row of a SKU, read at the cut."""
        sums = self._of(row["sku"])
        sums.counters, sums.cut = {counter: row[counter] for counter in COUNTERS}, cut
        sums.queue = {entry["order_id"]: entry["quantity"] for entry in row.get("waiting", ())}
        sums.waited_for = row.get("waited_for", 0)
        sums.first_place, sums.next_place = row.get("first_place", 0), row.get("next_place", 0)
        sums.shards, sums.merging, sums.splits = row.get("shards", 0), row.get("merging", 0), row.get("splits", 0)

    def add_shard(self, row: ShardRow, cut: Cut) -> None:
        """Take the row of a shard, read at the cut."""
        sums = self._of(f"{row['sku']}#{row['shard_number']}")
        sums.counters, sums.cut = {counter: row[counter] for counter in COUNTERS}, cut

    def add_up_shards(self, sku: str, shards: Sequence[ShardRow], own: SkuRow | None) -> None:
        """Take all shards of a SKU together. `own` is the SKU's own row, read after them.

        Each move of units between two rows changes the `replenished` of the own row, and only a split lowers it. So if the own
        row is as it was when it was added, no units moved since then.
        """
        sums, after = self._of(sku), (0, 0, 0, 0)
        if own is not None:
            after = (own["replenished"], own.get("splits", 0), own.get("shards", 0), own.get("merging", 0))
        before = (sums.counters["replenished"], sums.splits, sums.shards, sums.merging)
        if before == after:
            sums.in_shards = sum(row["replenished"] for row in shards)
            sums.is_stranded = not (sums.shards or sums.merging) and any(row["available"] for row in shards)
        else:
            sums.in_shards = None

    def add_place(self, row: PlaceRow, reservation: ReservationRow | None, cut: Cut) -> Iterator[Finding]:
        """Count a place. Yield a finding if its order's reservation, read after it, shows that the order did not wait there."""
        sku, order_id = row["sku"], row["order_id"]
        self._of(sku).places += 1
        if reservation is not None and reservation["updated_at"] >= cut.since:
            return
        wanted = quantity_by_sku(reservation.get("lines", ())) if reservation is not None else {}
        waits_at = reservation.get("places", {}).get(sku) if reservation is not None else None
        if status_of(reservation) != stock.WAITING or (waits_at, wanted.get(sku)) != (row["place"], row["quantity"]):
            yield Finding("S3", row["pk"], f"is the place of {order_id}, which does not wait there for {row['quantity']}")

    def add_replenishment(self, row: ReplenishmentRow) -> None:
        """Add the items of a delivery."""
        for line in row["items"]:
            sums = self._of(line["sku"])
            if self._is_certain(row, sums):
                sums.arrived += line["quantity"]
            elif self._may_be(row, sums):
                sums.maybe_arrived += line["quantity"]

    def add_reservation(self, row: ReservationRow) -> None:
        """Add the lines of a reservation to the counter of its status, or to those that it may have had."""
        status, order_id = row["status"], row["order_id"]
        if "lines" not in row or "rejected" in row:
            return
        for line in row["lines"]:
            shard = row.get("shards", {}).get(line["sku"])
            sums, quantity = self._of(f"{line['sku']}#{shard}" if shard else line["sku"]), line["quantity"]
            if self._is_certain(row, sums):
                sums.held += quantity if status == stock.HELD else 0
                sums.sold += quantity if status == stock.COMMITTED else 0
                if status == stock.WAITING and "places" not in row:
                    sums.waiting[order_id] = quantity
            elif self._may_be(row, sums):
                sums.maybe_held += quantity
                sums.maybe_sold += quantity if status in (stock.COMMITTED, stock.RESTOCKED) else 0
                if sums.queue.get(order_id) == quantity:
                    sums.maybe_waiting.append(order_id)
            if row.get("backordered") and order_id not in sums.queue:
                self._add_placed(sums, row, line)

    def _add_placed(self, sums: SkuSums, row: ReservationRow, line: Quantity) -> None:
        """Add a line of an order that waits at a place, or may have waited at one during the reading of the places."""
        if row["updated_at"] >= self.cut.since:
            if row["created_at"] <= self.cut.until:
                sums.maybe_placed += 1
                sums.maybe_waited += line["quantity"]
        elif row["status"] == stock.WAITING and "places" in row:
            sums.placed += 1
            sums.waited += line["quantity"]
            sums.misplaced += not sums.first_place <= row["places"].get(line["sku"], -1) < sums.next_place

    def check(self) -> Iterator[Finding]:
        """Yield a finding for each SKU whose counters or queue differ from the sums over its rows."""
        for name, sums in sorted(self.skus.items()):
            if "#" in name:
                yield from (Finding(code, f"SHARD#{name}", what) for code, what in _check_row(sums))
            else:
                yield from (Finding(code, f"SKU#{name}", what) for code, what in (*_check_row(sums), *_check_sku(sums)))

    def _of(self, sku: str) -> SkuSums:
        return self.skus.setdefault(sku, SkuSums())

    def _is_certain(self, row: AggregateRow, sums: SkuSums) -> bool:
        return row["updated_at"] < (sums.cut or self.cut).since

    def _may_be(self, row: AggregateRow, sums: SkuSums) -> bool:
        return row["created_at"] <= (sums.cut or self.cut).until


def check_counters(grouped: GroupedRows) -> Iterator[Finding]:
    """Recompute each SKU's counters and queue from the reservations and replenishments of a snapshot."""
    sums = StockSums()
    for row in grouped.skus.values():
        sums.add_sku(row, AT_ONE_MOMENT)
    shards: defaultdict[str, list[ShardRow]] = defaultdict(list)
    for shard in grouped.shards:
        sums.add_shard(shard, AT_ONE_MOMENT)
        shards[shard["sku"]].append(shard)
    for sku, rows in shards.items():
        sums.add_up_shards(sku, rows, grouped.skus.get(sku))
    for place in grouped.places:
        if place["sku"] not in grouped.unjudged_skus:
            records = grouped.orders.get(place["order_id"], OrderRecords())
            yield from sums.add_place(place, records.reservation, AT_ONE_MOMENT)
    for records in grouped.orders.values():
        if records.reservation is not None:
            sums.add_reservation(records.reservation)
    for replenishment in grouped.replenishments:
        sums.add_replenishment(replenishment)
    for sku in grouped.unjudged_skus:
        for name in [name for name in sums.skus if name.partition("#")[0] == sku]:
            del sums.skus[name]
    yield from sums.check()


def _check_row(sums: SkuSums) -> Broken:
    """Yield what is wrong with the counters of one row of stock."""
    available, held, sold, replenished = (sums.counters[counter] for counter in COUNTERS)
    if min(available, held, sold) < 0 or available + held + sold != replenished:
        yield "S2", f"{available} available + {held} held + {sold} sold, and {replenished} replenished"
    held_fits = sums.held <= held <= sums.held + sums.maybe_held
    if not held_fits or not sums.sold <= sold <= sums.sold + sums.maybe_sold:
        yield "S3", f"{held} held for {sums.held} reserved, {sold} sold for {sums.sold} committed"


def _check_sku(sums: SkuSums) -> Broken:
    """Yield what is wrong with a SKU's deliveries, which are in all its rows, and with its queue."""
    if sums.in_shards is not None:
        replenished = sums.counters["replenished"] + sums.in_shards
        if not sums.arrived <= replenished <= sums.arrived + sums.maybe_arrived:
            yield "S2", f"{replenished} replenished, and {sums.arrived} arrived"
    if sums.is_stranded:
        yield "S2", "units are available in a shard, and the SKU is neither split nor merging"
    if sums.waited_for and (sums.shards or sums.merging):
        yield "S3", f"{sums.waited_for} are waited for, and the SKU is split or merging"
    certain = {order_id: quantity for order_id, quantity in sums.queue.items() if order_id not in sums.maybe_waiting}
    placed_fits = sums.placed <= sums.places <= sums.placed + sums.maybe_placed
    waited = sums.waited_for - sum(sums.queue.values())
    if certain != sums.waiting or not placed_fits or not sums.waited <= waited <= sums.waited + sums.maybe_waited:
        queued, waiting = len(sums.queue) + sums.places, len(sums.waiting) + sums.placed
        yield "S3", f"{queued} wait for {sums.waited_for}, and {waiting} reservations are WAITING"
    if sums.misplaced:
        yield "S3", f"{sums.misplaced} wait outside of the queue, which is {sums.first_place} to before {sums.next_place}"
