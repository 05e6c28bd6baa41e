"""The rest of a world: an order that waits for an answer is asked for it again after longer and longer times."""

from simulation.engine.faults import Mode
from simulation.stage import customers, paths
from simulation.stage.customers import OrderPlan
from simulation.stage.world import MINUTE, World

FIVE_HOURS = 5 * 60 * MINUTE


def return_it(world: World, order_plan: OrderPlan) -> None:
    customers.place(world, order_plan)
    customers.cancel(world, order_plan.order_id())


def no_refund_arrives(boundary: str, now: int) -> Mode | None:
    lost = boundary.startswith("delivery PAY#") and boundary.endswith("→ order-fulfilment")
    return Mode.DROPPED if lost and now < FIVE_HOURS else None


def test_order_ends_although_its_refund_was_lost_again_and_again() -> None:
    path = paths.Path("refund lost", return_it, "CANCELLED", "CUSTOMER", subscriptions=paths.FULFILMENT, base=no_refund_arrives)
    verdict = paths.run_path(path, {})
    assert (verdict.violated, verdict.status) == (None, "CANCELLED CUSTOMER")
    assert len(verdict.struck) > 3
