"""The moves of a reservation: each step one transaction over the reservation and its SKU."""

from collections.abc import Iterator

from kernel.transitions import ABSENT
from services.inventory.domain.decisions import ALLOW_PARTIAL, BACK_ORDER
from services.order.domain.states import TRANSITIONS as ORDER
from simulation.modelcheck.facts import Facts, take
from simulation.modelcheck.rules import STEPS, Rules

COMMANDS = (
    ("reserve", "reserve"),
    ("reject", "reserve"),
    ("wait", "reserve"),
    ("commit", "commit"),
    ("release", "release"),
    ("withdraw", "release"),
    ("tombstone", "release"),
    ("restock", "release"),
)
"""Each transition with its command. The sweeper allocates without a command."""
STOCK = {"reserve": (-1, 1, 0), "allocate": (-1, 1, 0), "commit": (0, -1, 1), "release": (1, -1, 0), "restock": (1, 0, -1)}
"""The effect of a transition on (available, held, sold), for each reserved unit."""
TURNED_BACK = frozenset({ORDER["decide_to_cancel"].target, ORDER["cancel"].target})


def moves(rules: Rules, facts: Facts, position: int) -> Iterator[tuple[str, Facts]]:
    """Every next step of one order's reservation."""
    order = facts.orders[position]
    enough = facts.free >= order.wants or (order.if_short == ALLOW_PARTIAL and facts.free > 0)
    waits = order.if_short == BACK_ORDER
    for name, command in (*COMMANDS, ("allocate", "")):
        evidence = {
            "reserve": enough,
            "reject": not enough and not waits,
            "wait": not enough and waits,
            "allocate": order.ahead is not None and facts.available >= order.ahead + order.wants,
            "restock": order.order in TURNED_BACK,
        }.get(name, True)
        if rules.permits(f"RES.{name}", order.reservation, not command or command in order.requests, evidence):
            yield f"inventory: {name}", _moved(rules, facts, position, name)
    if order.reservation == "WAITING" and order.ahead != (ahead := _ahead(facts, position)):
        yield "inventory: a sweeper reads the queue", facts.of(position, order._replace(ahead=ahead))
    if not rules.has("holds that stay") and order.reservation == "HELD":
        expired = order._replace(reservation=ABSENT)
        yield (
            "inventory: the hold expires",
            facts.of(position, expired)._replace(available=facts.available + order.got, held=facts.held - order.got),
        )


def _its_turn(facts: Facts, position: int) -> bool:
    """Return True if the stock suffices for the order and for all orders before it."""
    enough = facts.available >= _ahead(facts, position) + facts.orders[position].wants
    return enough and any(place == position for place, _ in facts.queue)


def neglected(rules: Rules, facts: Facts) -> bool:
    """Return True if an order waits for available goods and cannot get them."""
    turns = (
        position for position, one in enumerate(facts.orders) if one.reservation == "WAITING" and _its_turn(facts, position)
    )
    return any(not rules.permits("RES.allocate", "WAITING", asked=True) for _ in turns)


def _ahead(facts: Facts, position: int) -> int:
    """Return the units that the waiting orders before this one need."""
    ahead = 0
    for place, units in facts.queue:
        if place == position:
            break
        ahead += units
    return ahead


def _moved(rules: Rules, facts: Facts, position: int, name: str) -> Facts:
    order = facts.orders[position]
    if name in ("reserve", "allocate", "wait"):
        part = name == "reserve" and order.if_short == ALLOW_PARTIAL and facts.free
        order = order._replace(got=min(order.wants, facts.free) if part else order.wants)
    if name in ("allocate", "withdraw"):
        order = order._replace(ahead=None)
    overtaken = name in ("reserve", "allocate") and facts.available - order.got < _ahead(facts, position)
    queue = tuple(place for place in facts.queue if place[0] != position) if name in ("allocate", "withdraw") else facts.queue
    if name == "wait":
        queue = (*queue, (position, order.wants))
    available, held, sold = (units * (order.got or order.wants) for units in STOCK.get(name, (0, 0, 0)))
    after = facts.of(position, take(rules, order, f"RES.{name}"))
    return after._replace(
        available=facts.available + available,
        held=facts.held + held,
        sold=facts.sold + sold,
        queue=queue,
        overtaken=facts.overtaken or overtaken,
    )


def replenish(rules: Rules, facts: Facts) -> Iterator[tuple[str, Facts]]:
    """Yield the operator's command to take in one more unit, which may run again like any other."""
    if rules.permits("REPL.replenish", facts.replenishment, asked=True):
        after = facts._replace(replenishment=STEPS["REPL.replenish"].target, available=facts.available + 1)
        yield "inventory: replenish", after
