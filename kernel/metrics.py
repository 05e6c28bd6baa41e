"""The metrics that functions count, in the namespace `Orderflow`, by service. Each has an alarm in the service's stack."""

from threading import Lock

from aws_lambda_powertools.metrics import Metrics, MetricUnit

metrics = Metrics(namespace="Orderflow")
_counting = Lock()
"""Held while a metric is counted, because Powertools' metrics are not safe to use in several threads."""


def count(metric: str, value: int) -> None:
    """Add to a metric of this function, if there is something to count."""
    if value:
        with _counting:
            metrics.add_metric(name=metric, unit=MetricUnit.Count, value=value)
            metrics.flush_metrics()
