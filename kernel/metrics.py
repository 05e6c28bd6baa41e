"""The metrics that functions count, in the namespace `Orderflow`, by service. Each has an alarm in the service's stack."""

from aws_lambda_powertools.metrics import Metrics, MetricUnit

metrics = Metrics(namespace="Orderflow")


def count(metric: str, value: int) -> None:
    """Add to a metric of this function, if there is something to count."""
    if value:
        metrics.add_metric(name=metric, unit=MetricUnit.Count, value=value)
        metrics.flush_metrics()
