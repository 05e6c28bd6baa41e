"""The model of a purchase: orders that want a unit of one SKU each, from the client's request to the end of each order.

Its actors are the executions of the saga. Only a call and its answer are ordered in time. Any request that was ever
sent may be carried out at any instant and again, any execution may stop for ever, a recovering one may start at any instant.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from kernel.transitions import ABSENT
from services.inventory.domain import states as stock_states
from services.inventory.domain.decisions import REJECT
from services.order.domain import states as order_states
from services.payment.domain import states as payment_states
from simulation.modelcheck import events, inventory, order, payment, saga
from simulation.modelcheck.cancellation import OWN_STEPS
from simulation.modelcheck.facts import FIELDS, Facts, Gateway, OrderFacts, take
from simulation.modelcheck.invariants import (
    EVERYTHING,
    ORDER_INVARIANTS,
    OWN,
    OWN_INVARIANTS,
    REST,
    SAFETY,
    STOCK_INVARIANTS,
    first_broken,
    unfinished,
    waits,
)
from simulation.modelcheck.rules import PRODUCTION, STEPS, Rules
from simulation.modelcheck.saga import Execution
from simulation.modelcheck.violation import Violation

MAX_SWEEPS = 3
OTHERS = -1
"""The other order in the queue, beside an order that is explored alone."""
AFTER_THE_YES = sorted(OWN_STEPS - {"ORDER.mark_dispatched", "ORDER.mark_delivered", "RES.restock"} | {"SHIP.cancel"})
"""Transitions that only a confirmed order has, and that the other modules of this model do not know."""
Moves = Iterator[tuple[str, Facts]]


def _before_its_time(rules: Rules, one: OrderFacts) -> Iterator[tuple[str, OrderFacts]]:
    """Yield the steps of a confirmed order for one that is not: the production tables must refuse each of them."""
    for name in AFTER_THE_YES:
        status = getattr(one, FIELDS[name.partition(".")[0]])
        asked = name == "ORDER.request_cancel" and one.order != ABSENT
        if status not in STEPS[name].sources and rules.permits(name, status, asked):
            yield f"before its time: {name}", take(rules, one, name)


def _tries(one: OrderFacts) -> tuple[bool, ...]:
    """Whether the sweeper's try is after the deadline: either, but for an order that waits and is left as it is until then."""
    if one.order not in order_states.UNDECIDED:
        return (False,)
    return (True,) if waits(one) else (False, True)


@dataclass
class Purchase:
    """`executions` runs at most of each order; one model for each number of `units` in stock."""

    name: str
    executions: tuple[int, ...] = (5,)
    units: tuple[int, ...] = (0, 1)
    rules: Rules = PRODUCTION
    replenishes: bool = False
    if_short: tuple[str, ...] = ()
    """The policy of each order if stock is short; empty if none is given."""
    wants: int = 1
    begun: bool = False
    """Whether the orders' money is set aside from the start, and the first of them waits for its units already."""
    watches: tuple[str, ...] = EVERYTHING
    """The kinds of invariant that are looked at."""
    sweeps: int = 0
    """The most sweeps that any state needed until its orders were terminal."""
    swept: dict[tuple[OrderFacts, int, int, tuple[tuple[int, int], ...]], Violation | None] = field(default_factory=dict)

    def starts(self) -> Iterable[tuple[Facts, tuple[Execution, ...]]]:
        """No order yet, no execution started."""
        team = tuple(Execution(position) for position, count in enumerate(self.executions) for _ in range(count))
        for units in self.units:
            orders = tuple(self._order(position) for position in range(len(self.executions)))
            yield Facts(orders, units, units, queue=((0, self.wants),) if self.begun else ()), team

    def _order(self, position: int) -> OrderFacts:
        if_short = self.if_short[position] if self.if_short else REJECT
        new = OrderFacts(if_short=if_short, wants=self.wants, agreed=self.wants)
        if not self.begun:
            return new
        steps = frozenset({"ORDER.create", "PAY.intend_authorize", "PAY.authorize"})
        gateway = Gateway(authorize=payment_states.AUTHORIZED, holds=1)
        placed = new._replace(order=order_states.PENDING, payment=payment_states.AUTHORIZED, gateway=gateway, taken=steps)
        if position:
            return placed
        return placed._replace(
            order=order_states.BACKORDERED,
            reservation=stock_states.WAITING,
            got=self.wants,
            taken=steps | {"RES.wait", "ORDER.wait"},
        )

    def __post_init__(self) -> None:
        self._own_moves = cache(self._own_moves)  # type: ignore[method-assign]
        self._service_moves = cache(self._service_moves)  # type: ignore[method-assign]
        self._steps = cache(self._steps)  # type: ignore[method-assign]
        self._wrong = cache(self._wrong)  # type: ignore[method-assign]

    def moves(self, facts: Facts) -> Moves:
        """Yield the moves of clients, time, the network, the services and the gateway."""
        for position, one in enumerate(facts.orders):
            for label, after in self._own_moves(one):
                yield self._named(position, label), facts.of(position, after)
            for label, changed in inventory.moves(self.rules, facts, position):
                yield self._named(position, label), changed
        if self.replenishes:
            yield from inventory.replenish(self.rules, facts)

    def actor_moves(self, facts: Facts, actor: Execution) -> Iterator[tuple[str, Facts, Execution]]:
        """Yield the moves of an execution: it gets its response, or gives up."""
        for label, after, become in self._steps(facts.orders[actor.order], actor):
            yield self._named(actor.order, label), facts.of(actor.order, after), become

    def broken(self, facts: Facts) -> Violation | None:
        """Return the first broken invariant, or the order that the sweeper could not finish."""
        return next(filter(None, map(self._wrong, facts.orders)), None) or self._miscounted(facts) or self._stuck(facts)

    def _own_moves(self, one: OrderFacts) -> tuple[tuple[str, OrderFacts], ...]:
        """Return the moves of one order, whatever its stock and the other orders."""
        others = (order.client_moves, order.timer_moves, events.moves)
        return (*self._service_moves(one), *(move for source in others for move in source(self.rules, one)))

    def _service_moves(self, one: OrderFacts) -> tuple[tuple[str, OrderFacts], ...]:
        """Return the moves of the order service, the payment service and the gateway."""
        of_the_order = (*order.moves(self.rules, one), *order.deliveries(self.rules, one))
        return (*of_the_order, *payment.moves(self.rules, one), *_before_its_time(self.rules, one))

    def _steps(self, one: OrderFacts, actor: Execution) -> tuple[tuple[str, OrderFacts, Execution], ...]:
        return (*saga.steps(self.rules, one, actor), *saga.faults(self.rules, one, actor))

    def _wrong(self, one: OrderFacts) -> Violation | None:
        return first_broken({SAFETY: ORDER_INVARIANTS, OWN: OWN_INVARIANTS}, self.watches, one)

    def _miscounted(self, facts: Facts) -> Violation | None:
        if self.replenishes and not (facts.replenishment != ABSENT or any(inventory.replenish(self.rules, facts))):
            return Violation("every_order_ends", "stuck: nothing can be replenished")
        if inventory.neglected(self.rules, facts):
            return Violation(
                "back_orders_are_served_in_order", "goods are available, and the order that waits does not get them"
            )
        return first_broken({SAFETY: STOCK_INVARIANTS}, (SAFETY,), facts)

    def _named(self, position: int, label: str) -> str:
        return label if len(self.executions) == 1 else f"[{position + 1}] {label}"

    def _stuck(self, facts: Facts) -> Violation | None:
        """Return the violation of an invariant at rest: the sweeper alone must finish each order, and nothing more arrives.

        A lease left behind costs it one more sweep, which is not counted here.
        """
        if REST not in self.watches:
            return None
        for position, one in enumerate(facts.orders):
            alone = one.alone()._replace(leased=one.leased and not self.rules.has("lease that ends"))
            queue = tuple((0 if place == position else OTHERS, units) for place, units in facts.queue)
            key = (alone, facts.available, facts.held, queue)
            if key not in self.swept:
                here = Facts((alone,), facts.units, facts.available, facts.held, facts.sold, queue=queue)
                self.swept[key] = self._sweep(here)
            if self.swept[key]:
                return self.swept[key]
        return None

    def _sweep(self, facts: Facts) -> Violation | None:
        left = {facts}
        for sweep in range(MAX_SWEEPS + 1):
            for here in left:
                one = here.orders[0]
                broken = self._wrong(one)
                if broken and sweep:
                    return broken.once("the sweeper has run")
                wrong = broken or events.lost(self.rules, one) or unfinished(one) or order.impossible(self.rules, one)
                if waits(one) and (sweep == MAX_SWEEPS or not saga.sweepable(self.rules, one)):
                    return Violation("every_order_ends", "stuck: the order waits for ever")
                if wrong and (sweep == MAX_SWEEPS or not saga.sweepable(self.rules, one)):
                    return wrong
            left = {here for here in left if unfinished(here.orders[0]) or waits(here.orders[0])}
            if not left:
                self.sweeps = max(self.sweeps, sweep)
                return None
            left = {end for here in left for late in _tries(here.orders[0]) for end in self._ends(here, late)}
        raise AssertionError("the last sweep returns")

    def _ends(self, facts: Facts, late: bool) -> set[Facts]:
        """Where one undisturbed execution can leave the facts: every choice of the gateway, no fault."""
        one, run = saga.recovered(self.rules, facts.orders[0], Execution(0), late)
        waiting = [(facts.of(0, one), run)]
        met, ends = set(waiting), set()
        while waiting:
            here, run = waiting.pop()
            one = here.orders[0]
            if self._wrong(one):
                return {here.of(0, one.alone())}
            after = [(here.of(0, there), run) for _, there in self._service_moves(one)]
            after += [(there, run) for _, there in inventory.moves(self.rules, here, 0)]
            after += [(here.of(0, there), become) for _, there, become in saga.steps(self.rules, one, run)]
            if not after:
                ends.add(here.of(0, here.orders[0].alone()))
            fresh = set(after) - met
            met |= fresh
            waiting += fresh
        return ends or {facts}
