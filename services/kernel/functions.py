"""The handlers that are the same in every service: its relay and the part of its sweeper that republishes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from services.kernel import clients
from services.kernel.relay import Outbox, relay_records, republish
from services.kernel.settings import from_environment

logger = Logger()
metrics = Metrics(namespace="Orderflow")


@dataclass(frozen=True)
class OutboxSettings:
    """Whose outbox it is, and after how many seconds an event still pending is taken for left behind."""

    table_name: str
    bus_name: str
    republish_after_seconds: int = 120


def outbox_of(settings: OutboxSettings) -> Outbox:
    """The outbox of the table that the settings name."""
    return Outbox(clients.dynamodb(), clients.events(), settings.table_name, settings.bus_name)


def relay_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A table's stream (rows with something pending) onto the bus, answered by a partial batch response."""
    return relay_records(outbox_of(from_environment(OutboxSettings)), event["Records"])


def republish_left_behind() -> int:
    """Publish again what the relay left behind; how many events that were."""
    settings = from_environment(OutboxSettings)
    published = republish(outbox_of(settings), timedelta(seconds=settings.republish_after_seconds))
    if published:
        logger.warning("events republished", count=published)
        metrics.add_metric(name="EventsRepublished", unit=MetricUnit.Count, value=published)
        metrics.flush_metrics()
    return published
