"""The model behind `orderctl capacity`, compared with a crowd of orders in the simulation."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict

from operations.benchmarks import Figure, Result
from operations.economics import capacity
from operations.economics.units import PathUnits
from operations.repository import REPOSITORY
from simulation.stage.crowd import Crowd
from simulation.stage.meter import Meter

CROWD = Crowd(orders=80, a_second=10)
MOST = 5.0
"""Percent that the model may be off."""
IN_PLACES = ("dynamodb.write", "dynamodb.read", "sqs.message")
"""Units that bound each table, index and queue by itself."""
EVENT = "eventbridge.event"
RARE = 0.1
"""Units of an order: a place that is used more rarely, such as by the reads after a lost race, bounds no part."""
IN_ALL = (EVENT, "states.run", "api.request")
"""Units that bound the stage as a whole."""


def measure() -> Result:
    """Return how far the model is off: the calls of an order, the writes on the hottest row, and the worst of all units.

    The crowd comes in a process of its own, because a simulation imports the functions' code itself.
    """
    command = [sys.executable, "-m", "tests.benchmarks.capacity_model"]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    conditions = f"{CROWD.orders} orders of one SKU, {CROWD.a_second} a second, against the model of one order"
    return Result(conditions, tuple(Figure(**figure) for figure in json.loads(done.stdout)))


def figures() -> tuple[Figure, ...]:
    """Return the figures, measured in this process."""
    order, meter = capacity.order_among_many(), CROWD.meter()
    hottest = max(writes for key, writes in meter.writes.items() if key.startswith(f"{capacity.SKU}#"))
    events, put = CROWD.orders * order.total(EVENT), _spent(meter, EVENT)
    return (
        Figure("requests to DynamoDB", "% off", _off(order.reads + order.writes, sum(map(sum, meter.requests.values()))), MOST),
        Figure("writes on the SKU's row", "% off", _off(order.hottest[capacity.SKU], hottest), MOST),
        Figure("units of the table, index, queue or service that is off most", "% off", max(_all_off(order, meter)), MOST),
        Figure("events put twice", "% of the events", round(100 * (put - events) / events, 2), 0.0),
    )


def _all_off(order: PathUnits, meter: Meter) -> Iterator[float]:
    """Yield how far the model is off in each unit, also where only the model or only the crowd spends it."""
    for unit in IN_ALL:
        yield _off(order.total(unit), _spent(meter, unit))
    for unit, where in sorted({(line.unit, line.where) for line in (*meter.spent, *order.lines) if line.unit in IN_PLACES}):
        modelled, spent = order.total(unit, where=where), _spent(meter, unit, where)
        if max(modelled, spent / CROWD.orders) >= RARE:
            yield _off(modelled, spent)


def _off(of_an_order: float, spent: float) -> float:
    """Return by how many percent the model of one order misses the units of all orders."""
    modelled = CROWD.orders * of_an_order
    return round(100 * abs(spent - modelled) / modelled, 2) if modelled else 100.0


def _spent(meter: Meter, unit: str, where: str = "") -> float:
    return sum(spent for line, spent in meter.spent.items() if line.unit == unit and where in ("", line.where))


if __name__ == "__main__":
    print(json.dumps([asdict(figure) for figure in figures()]))  # noqa: T201
