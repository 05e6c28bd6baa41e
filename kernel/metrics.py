"""The metrics of functions, in the namespace of their stage, by service.

Each metric that `count` counts has an alarm in the service's stack. The business metrics are in `docs/reference/metrics.md`.
"""

import os
from collections.abc import Iterable
from threading import Lock

from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric

from kernel.measures import Measure

metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Orderflow"))
"""A command of the operator that runs a function's code is in no stage, and the lines that it prints reach no CloudWatch."""
_counting = Lock()
"""Held while a metric is counted, because Powertools' metrics are not safe to use in several threads."""


def count(metric: str, value: int) -> None:
    """Add to a metric of this function, if there is something to count."""
    if value:
        with _counting:
            metrics.add_metric(name=metric, unit=MetricUnit.Count, value=value)
            metrics.flush_metrics()


def emit(measures: Iterable[Measure]) -> None:
    """Emit the measures of one fact, those without a dimension or with the same one in one line of the log."""
    lines: dict[tuple[str | None, str], list[Measure]] = {}
    for measure in measures:
        lines.setdefault((measure.metric.dimension, measure.of), []).append(measure)
    for (dimension, value), together in lines.items():
        with _counting:
            if dimension is not None:
                metrics.add_dimension(name=dimension, value=value)
            for measure in together:
                metrics.add_metric(name=measure.metric.name, unit=measure.metric.unit, value=measure.value)
            metrics.flush_metrics()


def emit_of_stage(measure: Measure) -> None:
    """Emit a measure of the whole stage: without the dimension `service`, so it is one metric if several services emit it."""
    metric = measure.metric
    assert metric.dimension is not None
    with (
        _counting,
        single_metric(metric.name, MetricUnit(metric.unit), measure.value, namespace=metrics.namespace) as single,
    ):
        single.add_dimension(metric.dimension, measure.of)
