"""Stock: the counters and the queue of each SKU, held against the reservations."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from simulation.engine.dynamodb import Change
from simulation.engine.expressions import Item
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import ABSENT, lines_of, number_of, status_of, text_of


class Stock:
    """The units of one world that reservations hold, have sold or wait for, by SKU."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.held: dict[str, int] = defaultdict(int)
        self.sold: dict[str, int] = defaultdict(int)
        self.waiting: dict[str, dict[str, int]] = defaultdict(dict)
        """By SKU, the quantity that each order waits for, the first to come first."""

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
                counted[sku] += sign * quantity
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
            if left < earlier:
                self.record.fail(
                    "back_orders_are_served_in_order",
                    f"{order_id} gets {sku}; {left} are left to those before it, who want {earlier}",
                )

    def check_sku(self, sku: str) -> None:
        """Check the counters and the queue of one SKU."""
        row = self.record.tables["inventory"].rows.get(f"SKU#{sku}") or {}
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
        found = [(str(text_of(place, "order_id")), number_of(place, "quantity")) for place in self._places(sku, row)]
        wanted = number_of(row, "waited_for")
        if found != list(self.waiting[sku].items()) or wanted != sum(self.waiting[sku].values()):
            self.record.fail(
                "stock_counters_match_reservations", f"{sku}: {found} wait for {wanted}, and {self.waiting[sku]} are WAITING"
            )

    def _places(self, sku: str, row: Item) -> Iterator[Item]:
        """Yield the places within the bounds of the SKU's queue that an order has."""
        rows = self.record.tables["inventory"].rows
        for place in range(number_of(row, "first_place"), number_of(row, "next_place")):
            if (key := f"PLACE#{sku}#{place}") in rows:
                yield rows[key]

    def check_every_sku(self) -> None:
        """Check every SKU that a reservation ever moved."""
        for sku in sorted({*self.held, *self.sold}):
            self.check_sku(sku)

    def cancelled_order_keeps_no_stock(self, order_id: str) -> None:
        """Check that the reservation of a cancelled order is over."""
        reservation = self.record.reservation(order_id)
        if status_of(self.record.orders.get(order_id)) == "CANCELLED" and reservation not in ("RELEASED", "RESTOCKED"):
            self.record.fail("cancelled_order_keeps_no_stock", f"{order_id} is cancelled with stock {reservation}")
