"""The values of the dashboards' metrics in a simulated run: what functions emit, and what AWS would count beside it."""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any, Final

from simulation.engine.faults import RandomFaults
from simulation.engine.functions import Failed
from simulation.engine.process import SINK, keep_logs
from simulation.engine.scheduler import SECOND
from simulation.engine.streams import Stream
from simulation.engine.workflow import Ended
from simulation.stage.customers import Workload
from simulation.stage.invariants.rows import status_of, text_of
from simulation.stage.runs import WorldRun
from simulation.stage.world import MINUTE, World

ORDERS: Final = 120
RATE: Final = 0.03
"""How many of the calls fail."""
LONGEST_MINUTES: Final = 90
PASS_MINUTES: Final = 5
"""The minutes between two passes of the audit."""
OF_APIS: Final = ("-api", "-webhook")
"""The ends of the names of the functions behind the HTTP APIs."""
Series = tuple[str, str]
"""A metric, and the value of its dimension that tells lines apart: a reason, a function, a queue; empty for one line."""
Values = Mapping[Series, Mapping[int, list[float]]]
"""The values of each series, by minute since the run began."""
Add = Callable[[str, str, float], None]
"""Receives a metric, the value of its dimension, and what it measures now."""


def measured(seed: str) -> Values:
    """Run a world of orders with faults, and return what is measured in its first minutes."""
    found: defaultdict[Series, defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    chance = WorldRun(seed, 0).chance
    world = World(chance, RandomFaults(chance, RATE))

    def add(metric: str, of: str, value: float) -> None:
        minute = world.scheduler.now // MINUTE
        if minute < LONGEST_MINUTES:
            found[metric, of][minute].append(value)

    _Watch(world, add).begin()
    keep_logs(lambda text: _emitted(text, add))
    try:
        with redirect_stdout(SINK):  # Powertools prints metrics
            world.run(lambda world: Workload(world, ORDERS, None).run())
    finally:
        keep_logs(None)
        world.abandon()
    return found


def _emitted(text: str, add: Add) -> None:
    """Add the measures in the embedded metric format. The functions share a process: its environment has the one that runs."""
    for line in text.splitlines():
        if line.startswith('{"_aws"'):
            content = json.loads(line)
            [emf] = content["_aws"]["CloudWatchMetrics"]
            of = " ".join(content[name] for name in emf["Dimensions"][0] if name != "service")
            for metric in emf["Metrics"]:
                for value in content[metric["Name"]]:
                    add(metric["Name"], of or os.environ.get("POWERTOOLS_SERVICE_NAME", ""), value)


class _Watch:
    """The counters that AWS has beside a world: of its functions, queues, streams, APIs and saga, and the audit's passes."""

    def __init__(self, world: World, add: Add) -> None:
        self.world = world
        self.add = add
        self.ends: dict[object, Callable[[object], None]] = {}
        """The counting of an outcome, for when it is done."""
        self.written: dict[str, int] = {}
        """The time of each record of a stream, by its id."""
        self.passed = 0
        """The minute of the latest pass of the audit."""

    def begin(self) -> None:
        """Count from now on."""
        scheduler, functions, workflow = self.world.scheduler, self.world.functions, self.world.workflow
        start, run, finish = functions.start, workflow.start, scheduler.finish

        def invoked(name: str, event: object, caller: str) -> Any:
            self._measure_queues()
            self._measure_streams(name, event)
            self._measure_orders()
            outcome, began = start(name, event, caller), scheduler.now
            self.ends[outcome] = lambda value: self._invoked(name, value, (scheduler.now - began) / 1000)
            return outcome

        def saga_started(name: str, given: Any) -> Any:
            outcome = run(name, given)
            self.ends[outcome] = self._saga_ended
            return outcome

        def finished(outcome: Any, value: Any = None) -> None:
            self.ends.pop(outcome, lambda value: None)(value)
            finish(outcome, value)

        functions.start, workflow.start, scheduler.finish = invoked, saga_started, finished  # type: ignore[method-assign]
        for stream in self.world.streams.values():
            self._follow(stream)

    def _follow(self, stream: Stream) -> None:
        """Remember when each record of the stream was written."""
        append = stream.append

        def appended(change: Any) -> None:
            append(change)
            waiting = (records[-1]["eventID"] for records in stream.waiting if records)
            for record in waiting:
                self.written.setdefault(record, self.world.scheduler.now)

        stream.append = appended  # type: ignore[method-assign]

    def _invoked(self, name: str, value: object, milliseconds: float) -> None:
        failed = isinstance(value, Failed)
        self.add("Invocations", name, 1)
        self.add("Duration", name, milliseconds)
        self.add("Errors", name, failed)
        if name.endswith(OF_APIS):
            self.add("Count", name, 1)
            self.add("Latency", name, milliseconds)
            self.add("5xx", name, failed or bool(getattr(value, "value", {}).get("statusCode", 0) >= 500))

    def _saga_ended(self, value: object) -> None:
        failed, cut = isinstance(value, Ended), isinstance(value, Ended) and value.timed_out
        self.add("ExecutionsFailed", "order saga", failed and not cut)
        self.add("ExecutionsTimedOut", "order saga", cut)

    def _measure_queues(self) -> None:
        for queue in self.world.queues.values():
            oldest = min((message.sent_at for message in queue.messages.values()), default=self.world.scheduler.now)
            self.add("ApproximateNumberOfMessagesVisible", queue.name, len(queue.messages))
            self.add("ApproximateAgeOfOldestMessage", queue.name, (self.world.scheduler.now - oldest) / SECOND)

    def _measure_streams(self, name: str, event: Any) -> None:
        written = [self.written[id_] for record in event.get("Records", ()) if (id_ := record.get("eventID")) in self.written]
        if written:
            self.add("IteratorAge", name, (self.world.scheduler.now - min(written)) / 1000)

    def _measure_orders(self) -> None:
        """Add what a pass of the audit measures, if one is due."""
        minute = self.world.scheduler.now // MINUTE
        if minute < self.passed + PASS_MINUTES:
            return
        self.passed = minute
        from audit import metrics  # imports code that the simulation must import first
        from audit.rolling_pass import NOT_ENDED, PassState

        orders = [row for key, row in self.world.dynamodb.tables["order"].rows.items() if key.startswith("ORDER#")]
        begun = [text_of(row, "created_at") for row in orders if status_of(row) in NOT_ENDED]
        waiting = sum(status_of(row) == "BACKORDERED" for row in orders)
        state = PassState("", back_orders=waiting, unfinished_since=min(filter(None, begun), default=None))
        for measure in metrics.measures(state, self.world.clock()):
            self.add(measure.metric.name, "audit", measure.value)
