"""The model of stock that is split over shards: orders that reserve, an operator who splits and merges, and a delivery.

The rows of one SKU are the facts. An actor is an order's reserve command or an operator's merge; between two of its calls, all
other actors may move, and it may stop for ever. The model is written from docs/explanation/protocol.md, not from the code.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kernel.transitions import ABSENT
from services.inventory.domain.decisions import BACK_ORDER, REJECT
from services.inventory.domain.states import COMMITTED, HELD, RELEASED, WAITING
from simulation.modelcheck.violation import Violation

RULES = (
    "a release goes to the SKU's row",
    "sold out is said by the SKU's row alone",
    "sold out is not said during a merge",
    "an order waits only at a SKU without shards",
    "an order waits only at a SKU that is not merging",
    "a split needs a SKU without a queue",
    "a split needs a SKU that is not merging",
    "a merge ends only in its own generation",
    "a merge ends after its last shard",
    "a move between two rows is one transaction",
    "new orders take units beside the queue",
)
"""The rules of the protocol that the model can do without, one at a time."""


class Order(NamedTuple):
    """An order of `wants` units: the status of its reservation, and the row in which its units are."""

    wants: int = 1
    if_short: str = REJECT
    status: str = ABSENT
    shard: int = 0


class Stock(NamedTuple):
    """The rows of a SKU: `rows` are the available units, first in the SKU's own row.

    `shards` and `merging` are attributes of the SKU's row, numbers of shards, 0 for none; `generation` counts its splits.
    `queue` lists the orders that wait. `deliveries` and `splits` limit what the operator may still do; `wrong` is the
    violation of a step.
    """

    orders: tuple[Order, ...]
    rows: tuple[int, ...]
    units: int
    shards: int = 0
    merging: int = 0
    generation: int = 0
    queue: tuple[int, ...] = ()
    deliveries: int = 1
    splits: int = 2
    wrong: Violation | None = None

    def free(self, number: int) -> int:
        """Return the units of a row that a new order can have: at the SKU's row, those beside the queue."""
        return self.rows[number] - (sum(self.orders[position].wants for position in self.queue) if number == 0 else 0)

    def with_order(self, position: int, status: str, shard: int = 0) -> "Stock":
        """Return the same stock with one order changed."""
        order = self.orders[position]._replace(status=status, shard=shard)
        return self._replace(orders=(*self.orders[:position], order, *self.orders[position + 1 :]))

    def with_units(self, number: int, more: int) -> "Stock":
        """Return the same stock with more available units in a row, or less."""
        return self._replace(rows=(*self.rows[:number], self.rows[number] + more, *self.rows[number + 1 :]))


class Actor(NamedTuple):
    """An order's reserve command, or the merge of an operator or a sweeper if `order` is None.

    `at` is its next call. It has seen `shards` rows of a `generation`, has tried `tried` of them, and is at the row `number`.
    `holds` are units between two rows, if a move is not one transaction.
    """

    order: int | None
    at: str
    shards: int = 0
    generation: int = 0
    tried: int = 0
    number: int = 0
    holds: int = 0

    def __str__(self) -> str:
        return "merge" if self.order is None else f"order {self.order + 1}"


Moves = Iterator[tuple[str, Stock, Actor]]


@dataclass
class Shards:
    """A SKU with at most `shards` shards; each order by its wants and its policy, and `merges` beside them."""

    name: str
    orders: tuple[Order, ...]
    units: tuple[int, ...] = (1, 2)
    shards: int = 2
    merges: int = 1
    without: str = ""
    """One of `RULES`, or nothing."""

    def starts(self) -> Iterable[tuple[Stock, tuple[Actor, ...]]]:
        """Yield the start: nothing is split, and no order has come."""
        team = (*(Actor(position, "sku") for position in range(len(self.orders))), *(Actor(None, "merge"),) * self.merges)
        for units in self.units:
            yield Stock(self.orders, (units, *(0,) * self.shards), units), team

    def moves(self, facts: Stock) -> Iterator[tuple[str, Stock]]:
        """Yield the operator's delivery and splits, the sweeper's allocations, and the end of each reservation."""
        if facts.deliveries:
            after = facts.with_units(0, 1)
            yield "a delivery arrives", after._replace(units=facts.units + 1, deliveries=facts.deliveries - 1)
        if facts.splits and self._may_split(facts):
            for shards in range(2, self.shards + 1):
                yield f"the SKU gets {shards} shards", self._split(facts, shards)
        for position, order in enumerate(facts.orders):
            if order.status == HELD:
                yield f"order {position + 1}: commit", facts.with_order(position, COMMITTED, order.shard)
                row = order.shard if self.without == "a release goes to the SKU's row" else 0
                yield f"order {position + 1}: release", facts.with_order(position, RELEASED).with_units(row, order.wants)
            if order.status == WAITING:
                yield from self._leave(facts, position)

    def actor_moves(self, facts: Stock, actor: Actor) -> Moves:
        """Yield the next call of a command. It may also never come."""
        if actor.order is not None and facts.orders[actor.order].status != ABSENT:
            return
        match actor.at:
            case "sku":
                yield from self._reserve_at_sku(facts, actor)
            case "shard":
                yield from self._reserve_at_shard(facts, actor)
            case "wait":
                yield from self._wait(facts, actor)
            case "merge":
                yield from self._begin_merge(facts, actor)
            case "move":
                yield from self._move(facts, actor)
            case "arrive":
                yield "the units arrive", facts.with_units(0, actor.holds), self._after_row(actor._replace(holds=0))
            case "end":
                yield from self._end(facts, actor)

    def broken(self, facts: Stock) -> Violation | None:
        """Return the first broken invariant."""
        taken = sum(order.wants for order in facts.orders if order.status in (HELD, COMMITTED))
        if min(facts.rows) < 0 or sum(facts.rows) + taken != facts.units:
            return Violation("stock_is_conserved", "a unit is in no row, or in two")
        if any(facts.rows[(facts.shards or facts.merging) + 1 :]):
            return Violation("every_order_ends", "units are in a shard where no order looks")
        if facts.queue and (facts.shards or facts.merging):
            return Violation("back_orders_are_served_in_order", "an order waits beside shards")
        return facts.wrong

    # the operator and the sweeper

    def _may_split(self, stock: Stock) -> bool:
        may_merge = not stock.merging or self.without == "a split needs a SKU that is not merging"
        may_wait = not stock.queue or self.without == "a split needs a SKU without a queue"
        return may_merge and may_wait and not stock.shards

    def _split(self, stock: Stock, shards: int) -> Stock:
        share = stock.rows[0] // shards
        after = stock.with_units(0, -share * shards)
        for number in range(1, shards + 1):
            after = after.with_units(number, share)
        return after._replace(shards=shards, merging=0, generation=stock.generation + 1, splits=stock.splits - 1)

    def _leave(self, stock: Stock, position: int) -> Iterator[tuple[str, Stock]]:
        """Yield the allocation of an order that waits, from the SKU's row, and its withdrawal."""
        ahead = sum(stock.orders[earlier].wants for earlier in stock.queue[: stock.queue.index(position)])
        wants = stock.orders[position].wants
        after = stock._replace(queue=tuple(waiting for waiting in stock.queue if waiting != position))
        if stock.rows[0] >= ahead + wants:
            yield f"order {position + 1}: allocate", after.with_order(position, HELD).with_units(0, -wants)
        yield f"order {position + 1}: withdraw", after.with_order(position, RELEASED)

    # an order

    def _reserve_at_sku(self, stock: Stock, actor: Actor) -> Moves:
        """Yield the transaction on the SKU's row by an order that knows of no shards."""
        if stock.shards:
            assert actor.order is not None
            ring = actor._replace(at="shard", shards=stock.shards, tried=0, number=actor.order % stock.shards + 1)
            yield "the row of the SKU names its shards", stock, ring
        elif self._has_enough(stock, actor, 0):
            yield "reserve at the row of the SKU", *self._held(stock, actor, 0)
        elif stock.merging and self.without != "sold out is not said during a merge":
            yield "the row of the SKU is merging", stock, actor._replace(at="merge")
        else:
            yield from self._short(stock, actor)

    def _reserve_at_shard(self, stock: Stock, actor: Actor) -> Moves:
        """Yield the transaction on one shard of the ring."""
        if self._has_enough(stock, actor, actor.number):
            yield f"reserve at the shard {actor.number}", *self._held(stock, actor, actor.number)
        elif actor.tried < actor.shards:
            is_last = actor.tried + 1 == actor.shards
            following = actor._replace(tried=actor.tried + 1, number=0 if is_last else actor.number % actor.shards + 1)
            yield f"the shard {actor.number} has too little", stock, following
        elif self.without == "sold out is said by the SKU's row alone":
            yield from self._short(stock, actor)
        else:
            yield "all shards have too little", stock, actor._replace(at="merge", tried=0, number=0)

    def _has_enough(self, stock: Stock, actor: Actor, number: int) -> bool:
        assert actor.order is not None
        free = stock.rows[number] if self.without == "new orders take units beside the queue" else stock.free(number)
        return free >= stock.orders[actor.order].wants

    def _held(self, stock: Stock, actor: Actor, number: int) -> tuple[Stock, Actor]:
        assert actor.order is not None
        wants = stock.orders[actor.order].wants
        after = stock.with_order(actor.order, HELD, number).with_units(number, -wants)
        if stock.queue and (number or stock.free(0) < wants):
            after = after._replace(wrong=Violation("back_orders_are_served_in_order", "an order takes what another waits for"))
        return after, actor._replace(at="")

    def _short(self, stock: Stock, actor: Actor) -> Moves:
        """Yield the refusal of an order, which is right by all rows at this moment, or its way into the queue."""
        assert actor.order is not None
        if stock.orders[actor.order].if_short == BACK_ORDER:
            yield "the order must wait", stock, actor._replace(at="wait")
            return
        unsold = stock.free(0) + sum(stock.rows[1:])
        after = stock.with_order(actor.order, RELEASED)
        if unsold >= stock.orders[actor.order].wants:
            after = after._replace(wrong=Violation("order_is_refused_only_if_short", "all rows together have enough"))
        yield "reject", after, actor._replace(at="")

    def _wait(self, stock: Stock, actor: Actor) -> Moves:
        """Yield the transaction by which an order takes a place in the queue."""
        assert actor.order is not None
        splits = stock.shards and self.without != "an order waits only at a SKU without shards"
        merges = stock.merging and self.without != "an order waits only at a SKU that is not merging"
        if splits or merges:
            yield "the SKU has shards again", stock, actor._replace(at="sku")
        else:
            after = stock._replace(queue=(*stock.queue, actor.order)).with_order(actor.order, WAITING)
            yield "wait", after, actor._replace(at="")

    # a merge

    def _begin_merge(self, stock: Stock, actor: Actor) -> Moves:
        """Yield the write that begins a merge, or the way into one that has begun."""
        seen = actor._replace(at="move", shards=stock.shards or stock.merging, generation=stock.generation, number=1)
        if stock.shards:
            yield "the merge begins", stock._replace(shards=0, merging=stock.shards), seen
        elif stock.merging:
            yield "the merge goes on", stock, seen
        elif actor.order is not None:
            yield "nothing is split", stock, actor._replace(at="sku")

    def _move(self, stock: Stock, actor: Actor) -> Moves:
        """Yield the transaction that moves the available units of a shard into the SKU's row."""
        units = stock.rows[actor.number]
        emptied = stock.with_units(actor.number, -units)
        if self.without == "a move between two rows is one transaction" and units:
            yield f"the shard {actor.number} is emptied", emptied, actor._replace(at="arrive", holds=units)
        else:
            yield f"the units of the shard {actor.number} move", emptied.with_units(0, units), self._after_row(actor)

    def _after_row(self, actor: Actor) -> Actor:
        is_last = actor.number >= actor.shards or self.without == "a merge ends after its last shard"
        return actor._replace(at="end") if is_last else actor._replace(number=actor.number + 1)

    def _end(self, stock: Stock, actor: Actor) -> Moves:
        """Yield the write that ends a merge, if it is still the one that the actor has seen."""
        following = Actor(actor.order, "sku" if actor.order is not None else "")
        is_own = stock.generation == actor.generation or self.without == "a merge ends only in its own generation"
        yield "the merge ends", stock._replace(merging=0) if is_own else stock, following


def models(without: str = "") -> tuple[Shards, ...]:
    """Return the models of a split SKU."""
    one, two, waits = Order(), Order(wants=2), Order(if_short=BACK_ORDER)
    return (
        Shards("split stock: orders of one and two units", (one, two), units=(2, 3), without=without),
        Shards("split stock: two orders and a back-order", (one, one, waits), units=(1, 2), without=without),
        Shards("split stock: three shards, two orders", (one, two), units=(3,), shards=3, without=without),
    )
