"""Stock: the counters and the queue of each SKU, held against the reservations."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from simulation.engine.dynamodb import Change
from simulation.engine.expressions import Item
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import ABSENT, lines_of, number_of, status_of, text_of


class Stock:
    """The units of one world that reservations hold or have sold, by row of stock, and those that they wait for, by SKU.

    A row is named as in the inventory: `MUG` is the SKU's own row, `MUG#2` its shard 2.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.held: dict[str, int] = defaultdict(int)
        self.sold: dict[str, int] = defaultdict(int)
        self.waiting: dict[str, dict[str, int]] = defaultdict(dict)
        """By SKU, the quantity that each order waits for, the first to come first."""
        self.free: dict[str, list[tuple[int, int]]] = defaultdict(lambda: [(0, 0)])
        """By SKU, the units of all rows that a new order could have, with the time since when, oldest first."""
        self.placed: dict[str, int] = {}
        """By order, when it was placed."""

    def reservation_written(self, order_id: str, change: Change) -> Iterable[str]:
        """Record a write of a reservation. Return the SKUs that it moved."""
        skus: dict[str, None] = {}
        waited, waits = (status_of(row) == "WAITING" for row in (change.old, change.new))
        for sku, quantity in lines_of(change.new) if change.new is not None and waited != waits else []:
            skus[sku] = None
            if waits:
                self.waiting[sku][order_id] = quantity
            else:
                self.waiting[sku].pop(order_id)
        for row, sign in ((change.old, -1), (change.new, 1)):
            counted = {"HELD": self.held, "COMMITTED": self.sold}.get(status_of(row))
            if row is None or counted is None:
                continue
            for sku, quantity in lines_of(row):
                counted[_row_of(sku, row)] += sign * quantity
                skus[sku] = None
        return skus

    def back_orders_are_served_in_order(self, order_id: str, change: Change) -> None:
        """Check that an order that gets goods leaves enough for every order that waited for them before."""
        if status_of(change.new) != "HELD" or status_of(change.old) not in (ABSENT, "WAITING"):
            return
        for sku, _ in lines_of(change.new) if change.new else []:
            earlier = 0
            for other, quantity in self.waiting[sku].items():
                if other == order_id:
                    break
                earlier += quantity
            left = number_of(self.record.tables["inventory"].rows.get(f"SKU#{sku}") or {}, "available")
            if left < earlier or (earlier and change.new and _row_of(sku, change.new) != sku):
                self.record.fail(
                    "back_orders_are_served_in_order",
                    f"{order_id} gets {sku}; {left} are left to those before it, who want {earlier}",
                )

    def order_is_refused_only_if_short(self, order_id: str, change: Change) -> None:
        """Check that an order that is rejected, or begins to wait, found a SKU short: all its rows, since it was placed."""
        if change.old is not None or change.new is None:
            return
        if "rejected" in change.new:
            refused = [entry["M"] for entry in change.new["short"]["L"]]
            short = {entry["sku"]["S"]: int(entry["requested"]["N"]) for entry in refused}
        elif status_of(change.new) == "WAITING":
            short = dict(lines_of(change.new))
        else:
            return
        least = {sku: self._least_free(sku, self.placed.get(order_id, 0)) for sku in short}
        if all(least[sku] >= wanted for sku, wanted in short.items()):
            self.record.fail(
                "order_is_refused_only_if_short", f"{order_id} wants {short}, and never less than {least} could be had"
            )

    def _least_free(self, sku: str, since: int) -> int:
        """Return the least units of a SKU that a new order could have since then."""
        free = self.free[sku]
        return min(units for (at, units), (until, _) in pairwise((*free, (self.record.now() + 1, 0))) if until > since)

    def check_sku(self, sku: str) -> None:
        """Check the counters of all rows of one SKU, and its queue."""
        rows = self.record.tables["inventory"].rows
        row = rows.get(f"SKU#{sku}") or {}
        self._check_counters(sku, row)
        free = number_of(row, "available") - number_of(row, "waited_for")
        is_open = "shards" in row or "merging" in row
        shards = 0
        while shard := rows.get(f"SHARD#{sku}#{shards + 1}"):
            shards += 1
            self._check_counters(f"{sku}#{shards}", shard)
            free += number_of(shard, "available")
            if number_of(shard, "available") and not is_open:
                self.record.fail("every_order_ends", f"{sku}: units are left in the shard {shards}, which no order tries")
        if number_of(row, "waited_for") and is_open:
            self.record.fail("back_orders_are_served_in_order", f"{sku}: orders wait for it, and it is split or merging")
        if free != self.free[sku][-1][1]:
            self.free[sku].append((self.record.now(), free))
        found = [(str(text_of(place, "order_id")), number_of(place, "quantity")) for place in self._places(sku, row)]
        wanted = number_of(row, "waited_for")
        if found != list(self.waiting[sku].items()) or wanted != sum(self.waiting[sku].values()):
            self.record.fail(
                "stock_counters_match_reservations", f"{sku}: {found} wait for {wanted}, and {self.waiting[sku]} are WAITING"
            )

    def _check_counters(self, sku: str, row: Item) -> None:
        """Check the counters of one row of stock."""
        available, held, sold, replenished = (number_of(row, name) for name in ("available", "held", "sold", "replenished"))
        if min(available, held, sold) < 0 or available + held + sold != replenished:
            self.record.fail(
                "stock_is_conserved", f"{sku}: {available} available + {held} held + {sold} sold, {replenished} replenished"
            )
        if held != self.held[sku] or sold != self.sold[sku]:
            self.record.fail(
                "stock_counters_match_reservations",
                f"{sku}: {held} held for {self.held[sku]} reserved, {sold} sold for {self.sold[sku]} committed",
            )

    def _places(self, sku: str, row: Item) -> Iterator[Item]:
        """Yield the places within the bounds of the SKU's queue that an order has."""
        rows = self.record.tables["inventory"].rows
        for place in range(number_of(row, "first_place"), number_of(row, "next_place")):
            if (key := f"PLACE#{sku}#{place}") in rows:
                yield rows[key]

    def check_every_sku(self) -> None:
        """Check at rest every SKU that a reservation ever moved: no merge of it goes on."""
        for sku in sorted({row.partition("#")[0] for row in (*self.held, *self.sold)}):
            self.check_sku(sku)
            if "merging" in (self.record.tables["inventory"].rows.get(f"SKU#{sku}") or {}):
                self.record.fail("every_order_ends", f"{sku} is merging, and no sweeper goes on with it")

    def cancelled_order_keeps_no_stock(self, order_id: str) -> None:
        """Check that the reservation of a cancelled order is over."""
        reservation = self.record.reservation(order_id)
        if status_of(self.record.orders.get(order_id)) == "CANCELLED" and reservation not in ("RELEASED", "RESTOCKED"):
            self.record.fail("cancelled_order_keeps_no_stock", f"{order_id} is cancelled with stock {reservation}")


def _row_of(sku: str, reservation: Item) -> str:
    """Return the row of stock in which a reservation has its units of a SKU."""
    shard = reservation.get("shards", {"M": {}})["M"].get(sku)
    return f"{sku}#{shard['N']}" if shard else sku
