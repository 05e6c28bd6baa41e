"""A crowd: many orders at once, to the door and without faults, metered. The model of a stage's load is compared with it."""

from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from simulation.engine.process import SINK
from simulation.engine.scheduler import SECOND
from simulation.stage import customers, paths
from simulation.stage.customers import OrderPlan
from simulation.stage.invariants.rows import status_of
from simulation.stage.meter import Meter
from simulation.stage.world import World

PATH: Final = replace(paths.BY_NAME["delivered"], subscriptions=paths.FULFILMENT)
SKU: Final = "SKU-A"
UNITS_OF_AN_ORDER: Final = 3


@dataclass(frozen=True)
class Crowd:
    """So many orders of one SKU, so many a second."""

    orders: int
    a_second: float

    def meter(self) -> Meter:
        """Return the meter of a world after all orders. Raises RuntimeError if one of them is not confirmed."""
        world = paths.stand_up(PATH, {}, older_versions=())
        world.invariants.traces.sends = False
        meter = Meter(world)
        plans = [
            OrderPlan(number, f"c{number}", f"key-{number}", ((SKU, UNITS_OF_AN_ORDER),), "USD", PATH.token, PATH.if_short)
            for number in range(self.orders)
        ]

        def begin(_: World) -> None:
            prices, stock = {SKU: (PATH.price, "USD")}, {SKU: UNITS_OF_AN_ORDER * self.orders}
            customers.seed(world, prices, stock, {plan.customer_id: "DE" for plan in plans})
            world.settle()  # the sweeps after the seed are not the orders'
            meter.runs = True
            for plan in plans:
                at = int(plan.number / self.a_second * SECOND)
                world.spawn(f"customer {plan.number}", partial(customers.place, world, plan), after=at)

        with redirect_stdout(SINK):  # Powertools prints metrics
            world.run(begin)
            world.invariants.at_rest()
        meter.journal()
        world.abandon()
        confirmed = sum(status_of(order) == "CONFIRMED" for order in world.invariants.record.orders.values())
        if confirmed != self.orders:
            raise RuntimeError(f"{confirmed} of {self.orders} orders were confirmed")
        return meter
