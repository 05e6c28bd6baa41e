"""Import purchases: prices, stock and contacts first, then an event for each, no faster than the system takes them."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from operations.aws import service_client, stage_state
from operations.aws.service_client import Price
from operations.aws.target import Target
from operations.events import publisher
from operations.orders import cdnow, store
from operations.orders.cdnow import Purchase
from operations.orders.store import OrderStatus
from operations.plural import counted
from operations.progress import SILENT, Progress
from services.order.domain import identity

IN_FLIGHT = 16
"""How many orders may be on their way at once while an import follows them: those that keep two cores of a laptop busy."""
PATIENCE_SECONDS = 60.0
"""How long orders may hold up the rest while none of them moves."""
AT_ONCE = 4
"""How many contacts are put at once."""


def run(
    target: Target,
    purchases: list[Purchase],
    channel: str,
    *,
    rate: float,
    wait: bool,
    deadline_seconds: float,
    in_flight: int = IN_FLIGHT,
    progress: Progress = SILENT,
) -> dict[str, int]:
    """Import the purchases; how many were published, new, known before, and what became of them.

    `rate` is events a second at most. With `wait`, at most `in_flight` orders are on their way at once, and all are followed
    until they are settled or `deadline_seconds` have passed since the last was published.
    """
    source = publisher.source_of(channel)
    ids = [identity.order_id(identity.channel_scope(channel), purchase.idempotency_key) for purchase in purchases]
    known_before = set(store.statuses(target, ids))
    new = [purchase for purchase, order_id in zip(purchases, ids, strict=True) if order_id not in known_before]
    prepare(target, purchases, channel, {purchase.customer_id for purchase in new}, progress)
    window = _InFlight(target, in_flight) if wait else None
    with progress.bar("Publish", len(purchases)) as advance:
        published = 0
        while published < len(purchases):
            began = target.clock.now()
            size = min(window.room(), publisher.MAX_ENTRIES) if window else publisher.MAX_ENTRIES
            part = purchases[published : published + size]
            publisher.publish(target, source, "OrderPlaced", [cdnow.event(p, channel) for p in part])
            if window:
                window.on_their_way += ids[published : published + size]
            published += len(part)
            advance(published)
            target.clock.sleep(max(0.0, began + len(part) / rate - target.clock.now()))
    summary = {
        "published": len(purchases),
        "already_known": len(known_before),
        "new": len(new),
    }
    if wait:
        with progress.bar("Settle", len(ids)) as advance:
            rows = store.wait_for_orders(target, ids, deadline_seconds, advance)
        summary |= outcome(rows, len(ids))
    return summary


def prepare(
    target: Target, purchases: list[Purchase], channel: str, customers: Collection[str], progress: Progress = SILENT
) -> None:
    """Create what the orders need: a price for each SKU, enough stock, a contact for each of `customers`. Repeatable.

    The stock is that of all the purchases, known before or not, so that an interrupted import adds none a second time. The
    contacts are those of new orders only, so that a forgotten customer stays forgotten.
    """
    needed = cdnow.quantities(purchases)
    with progress.step(f"Price {counted(len(needed), 'SKU')}"):
        prices: list[Price] = [{"sku": sku, "amount": cdnow.cents_of(sku), "currency": cdnow.CURRENCY} for sku in needed]
        service_client.set_prices(target, prices)
    with progress.step("Stock them"):
        delivery = replenishment_id(channel, purchases)
        service_client.replenish(target, delivery, [{"sku": s, "quantity": q} for s, q in needed.items()])
    with progress.bar("Contacts", len(customers)) as advance, ThreadPoolExecutor(AT_ONCE) as pool:
        contacts = (cdnow.contact(customer) for customer in sorted(customers))
        for done, _ in enumerate(pool.map(lambda contact: service_client.put_contact(target, contact), contacts), start=1):
            advance(done)


def replenishment_id(channel: str, purchases: list[Purchase]) -> str:
    """Return an id that is the same for the same purchases of a channel, so that a repeated import adds their stock once."""
    keys = "\n".join([channel, *sorted(purchase.idempotency_key for purchase in purchases)])
    return "import-" + hashlib.sha256(keys.encode()).hexdigest()[:20]


def outcome(rows: Mapping[str, OrderStatus], expected: int) -> dict[str, int]:
    """Count the orders by status and reason, and add up the confirmed total in cents."""
    counted = Counter(
        row["status"].lower() if row["status"] != "CANCELLED" else f"cancelled_{row['reason'].lower()}" for row in rows.values()
    )
    settled = sum(row["status"] in stage_state.AT_REST for row in rows.values())
    cents = sum(row["total"]["amount"] for row in rows.values() if row["status"] == "CONFIRMED")
    return {**dict(sorted(counted.items())), "unsettled": expected - settled, "confirmed_cents": cents}


class _InFlight:
    """The orders on their way, kept at most `size`: one that waits its turn in a queue is not yet timed.

    It opens slowly, by one for each order that settles: functions that have not run yet start one after another, and not
    all at once while the first sagas' time-outs run.
    """

    def __init__(self, target: Target, size: int) -> None:
        self.target = target
        self.size = size
        self.open = 1
        self.on_their_way: list[str] = []

    def room(self) -> int:
        """Wait until another order may be published, and return how many may. Orders that make no progress block no others."""
        clock = self.target.clock
        ends = clock.now() + PATIENCE_SECONDS
        while len(self.on_their_way) >= self.open:
            rows = store.statuses(self.target, self.on_their_way)
            left = [i for i in self.on_their_way if not store.is_at_rest(rows.get(i))]
            if len(left) == len(self.on_their_way) and clock.now() < ends:
                clock.sleep(0.2)
            else:
                settled = len(self.on_their_way) - len(left)
                self.open = min(self.size, self.open + settled) if settled else self.size
                self.on_their_way = left if settled else []
        return self.open - len(self.on_their_way)
