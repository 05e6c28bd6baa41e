"""What may happen to a reservation: each step one transaction over the reservation and its SKU, of which it wants one unit."""

from collections.abc import Iterator

from services.kernel.transitions import ABSENT
from services.order.states import TRANSITIONS as ORDER
from tests.simulation.explorer.facts import Facts, take
from tests.simulation.explorer.rules import STEPS, Rules

COMMANDS = (
    ("reserve", "reserve"),
    ("reject", "reserve"),
    ("commit", "commit"),
    ("release", "release"),
    ("tombstone", "release"),
    ("restock", "release"),
)
"""Each transition with the command that asks for it."""
STOCK = {"reserve": (-1, 1, 0), "commit": (0, -1, 1), "release": (1, -1, 0), "restock": (1, 0, -1)}
"""What a transition does to (available, held, sold)."""
TURNED_BACK = frozenset({ORDER["decide_to_cancel"].target, ORDER["cancel"].target})


def moves(rules: Rules, facts: Facts, position: int) -> Iterator[tuple[str, Facts]]:
    """Every next step of one order's reservation."""
    order = facts.orders[position]
    for name, command in COMMANDS:
        evidence = {
            "reserve": facts.available > 0,
            "reject": facts.available == 0,
            "restock": order.order in TURNED_BACK,
        }.get(name, True)
        if rules.permits(f"RES.{name}", order.reservation, command in order.requests, evidence):
            yield f"inventory: {name}", _moved(rules, facts, position, name)
    if not rules.has("holds that stay") and order.reservation == "HELD":
        expired = order._replace(reservation=ABSENT)
        yield (
            "inventory: the hold expires",
            facts.of(position, expired)._replace(available=facts.available + 1, held=facts.held - 1),
        )


def _moved(rules: Rules, facts: Facts, position: int, name: str) -> Facts:
    available, held, sold = STOCK.get(name, (0, 0, 0))
    after = facts.of(position, take(rules, facts.orders[position], f"RES.{name}"))
    return after._replace(available=facts.available + available, held=facts.held + held, sold=facts.sold + sold)


def replenish(rules: Rules, facts: Facts) -> Iterator[tuple[str, Facts]]:
    """The operator's command to take one more unit in, which may be carried out again as any other."""
    if rules.permits("REPL.replenish", facts.replenishment, asked=True):
        after = facts._replace(replenishment=STEPS["REPL.replenish"].target, available=facts.available + 1)
        yield "inventory: replenish", after
