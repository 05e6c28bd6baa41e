"""Models of a purchase with too little stock, for orders that take what there is, or wait."""

from functools import partial

from services.inventory.domain.decisions import ALLOW_PARTIAL, BACK_ORDER, REJECT
from simulation.modelcheck.purchase import Purchase
from simulation.modelcheck.rules import Rules

part = partial(Purchase, executions=(2,), units=(0, 1, 2), if_short=(ALLOW_PARTIAL,), wants=2)
"""An order of two units that takes what there is."""
back_order = partial(Purchase, executions=(2,), units=(0,), replenishes=True, if_short=(BACK_ORDER,))
"""An order that waits for the unit that may arrive."""
_two = partial(Purchase, executions=(1, 1), units=(0,), replenishes=True, begun=True)
two_back_orders = partial(_two, if_short=(BACK_ORDER, BACK_ORDER))
"""An order that waits, and another that comes to wait behind it."""
latecomer = partial(_two, if_short=(BACK_ORDER, REJECT))
"""An order that waits, and another that would not."""


def models(rules: Rules, executions: int = 2) -> tuple[Purchase, ...]:
    """All four; those with one order, of so many executions and by production's rules."""
    return (
        part("an order that takes a part", executions=(executions,)),
        back_order("a back-order, one replenishment", executions=(executions,)),
        two_back_orders("two back-orders, one replenishment", rules=rules),
        latecomer("a back-order and a later order", rules=rules),
    )
