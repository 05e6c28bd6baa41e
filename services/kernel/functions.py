"""What is the same in every service's functions: its relay, and the parts of its sweeper that move rows and republish."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from services.kernel import clients, clock
from services.kernel.relay import Outbox, relay_records, republish
from services.kernel.rows import Keyed
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


def move_each(rows: Keyed, due: Iterable[str], move: Callable[[str], bool], metric: str) -> tuple[int, int]:
    """Let `move` take each row that is due a step further; how many it says it moved, and how many it failed on.

    What fails harms no other: it is logged, counted in `metric`, and comes up again after all others that are due.
    """
    moved = failed = 0
    for row_id in due:
        try:
            moved += move(row_id)
        except Exception:  # the boundary of a row: the others go on, and it comes after them in the next sweep
            logger.exception("row not moved", row=rows.key(row_id))
            rows.postpone(row_id, clock.now())
            failed += 1
    if failed:
        metrics.add_metric(name=metric, unit=MetricUnit.Count, value=failed)
        metrics.flush_metrics()
    return moved, failed


def republish_left_behind() -> int:
    """Publish again what the relay left behind; how many events that were."""
    settings = from_environment(OutboxSettings)
    published = republish(outbox_of(settings), timedelta(seconds=settings.republish_after_seconds))
    if published:
        logger.warning("events republished", count=published)
        metrics.add_metric(name="EventsRepublished", unit=MetricUnit.Count, value=published)
        metrics.flush_metrics()
    return published
