"""The values of the dashboards' metrics in a simulated run: what functions emit, and what AWS would count beside it."""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any, Final

from simulation.engine.faults import RandomFaults
from simulation.engine.functions import Failed
from simulation.engine.process import SINK, keep_logs
from simulation.engine.scheduler import SECOND
from simulation.stage.customers import Workload
from simulation.stage.runs import WorldRun
from simulation.stage.world import MINUTE, World

ORDERS: Final = 120
RATE: Final = 0.03
"""How many of the calls fail."""
LONGEST_MINUTES: Final = 90
Series = tuple[str, str]
"""A metric, and the value of its dimension that tells lines apart: a reason, a function, a queue; empty for one line."""
Values = Mapping[Series, Mapping[int, list[float]]]
"""The values of each series, by minute since the run began."""


def measured(seed: str) -> Values:
    """Run a world of orders with faults, and return what is measured in its first minutes."""
    found: defaultdict[Series, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    chance = WorldRun(seed, 0).chance
    world = World(chance, RandomFaults(chance, RATE))

    def add(metric: str, of: str, value: float) -> None:
        minute = world.scheduler.now // MINUTE
        if minute < LONGEST_MINUTES:
            found[metric, of][minute].append(value)

    _watch_functions(world, add)
    keep_logs(lambda text: _emitted(text, add))
    try:
        with redirect_stdout(SINK):  # Powertools prints metrics
            world.run(lambda world: Workload(world, ORDERS, None).run())
    finally:
        keep_logs(None)
        world.abandon()
    return found


def _emitted(text: str, add: Callable[[str, str, float], None]) -> None:
    """Add the measures in the embedded metric format."""
    for line in text.splitlines():
        if line.startswith('{"_aws"'):
            content = json.loads(line)
            [emf] = content["_aws"]["CloudWatchMetrics"]
            of = " ".join(content[name] for name in emf["Dimensions"][0] if name != "service")
            for metric in emf["Metrics"]:
                for value in content[metric["Name"]]:
                    add(metric["Name"], of or str(content.get("service", "")), value)


def _watch_functions(world: World, add: Callable[[str, str, float], None]) -> None:
    """Add what Lambda counts of each invocation, and the depth of each queue at its begin."""
    start = world.functions.start

    def counted(name: str, event: object, caller: str) -> Any:
        began, outcome = world.scheduler.now, start(name, event, caller)
        add("Invocations", name, 1)
        for queue in world.queues.values():
            add("ApproximateNumberOfMessagesVisible", queue.name, len(queue.messages))

        def ended() -> None:
            if outcome.done:
                add("Duration", name, (world.scheduler.now - began) / 1000)
                add("Errors", name, 1 if isinstance(outcome.value, Failed) else 0)
            else:
                world.scheduler.at(world.scheduler.now + SECOND // 10, ended)

        world.scheduler.at(began + SECOND // 10, ended)
        return outcome

    world.functions.start = counted  # type: ignore[method-assign]
