"""A world whose order learns of no refund for hours. `python -m tests.simulation.lost_refund` prints how it ends."""

import sys

from simulation.engine.faults import Mode
from simulation.stage import customers, paths
from simulation.stage.customers import OrderPlan
from simulation.stage.world import MINUTE, World

FIVE_HOURS = 5 * 60 * MINUTE


def return_it(world: World, order_plan: OrderPlan) -> None:
    """Place the order and cancel it."""
    customers.place(world, order_plan)
    customers.cancel(world, order_plan.order_id())


def no_refund_arrives(boundary: str, now: int) -> Mode | None:
    """Drop each delivery of the refund's event for five hours."""
    lost = boundary.startswith("delivery PAY#") and boundary.endswith("→ order-fulfilment")
    return Mode.DROPPED if lost and now < FIVE_HOURS else None


if __name__ == "__main__":
    path = paths.Path("refund lost", return_it, "CANCELLED", "CUSTOMER", subscriptions=paths.FULFILMENT, base=no_refund_arrives)
    verdict = paths.run_path(path, {})
    sys.stdout.write(f"{verdict.status}, violated: {verdict.violated}, lost: {len(verdict.struck)}\n")
