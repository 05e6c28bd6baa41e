"""The sweeper: every minute, each order that is not terminal and due gets another run of the saga. It never gives up.

It cancels nothing itself. A run that gets no answer asks the order's own decision, which knows the deadline.
"""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit
from botocore.exceptions import BotoCoreError, ClientError

from kernel import clients, clock
from kernel.entrypoints import move_each, republish_stale_outbox, sweep
from kernel.settings import from_environment
from services.order.domain import decisions, states
from services.order.domain.model import OrderRow
from services.order.storage import table
from services.order.workflow import client

logger = Logger()
metrics = Metrics(namespace="Orderflow")
PER_SHARD = 100
"""How many orders of a shard one sweep takes; the rest are due in the next."""
STUCK_AFTER_ATTEMPTS = 3


@dataclass(frozen=True)
class Settings:
    """The saga."""

    workflow_arn: str


@cache
def settings() -> Settings:
    """Return the settings that this function was deployed with."""
    return from_environment(Settings)


def stuck_metric(row: OrderRow) -> str | None:
    """Return the alarm's metric for an order that repeated recoveries did not finish, or None."""
    if row["attempts"] < STUCK_AFTER_ATTEMPTS or row["status"] == states.BACKORDERED:
        return None
    return "CompensationFailed" if row["status"] == states.CANCELLING else "OrderStuck"


def recover(order_id: str, owner: str) -> bool:
    """Take the order's lease and start the saga on it; whether it was started."""
    now = clock.now()
    row = table.orders().lease(order_id, owner, now)
    if row is None:
        return False
    metric = stuck_metric(row)
    if metric:
        logger.error("order keeps failing to recover", order_id=order_id, status=row["status"], attempts=row["attempts"])
        metrics.add_metric(name=metric, unit=MetricUnit.Count, value=1)
        metrics.flush_metrics()
    try:
        clients.workflows(5.0).start_execution(
            stateMachineArn=settings().workflow_arn,
            name=f"{order_id}-{row['attempts']}",
            input=json.dumps(client.recovery_input(order_id, row["tried_at"])),
        )
    except (BotoCoreError, ClientError) as error:
        logger.warning("saga not started; the next sweep will", order_id=order_id, error=type(error).__name__)
        return False
    return True


def ask_again(order_id: str) -> bool:
    """Publish once more what an order has asked of other services, if it waits for them too long; return whether it does.

    No saga can help it: what it waits for is in a queue or its dead-letter queue, is lost, or is at the gateway. Those who had
    the event answer it again.
    """
    row = table.orders().get(order_id)
    if row is None or row["status"] not in states.AWAITING_OTHER_SERVICES:
        return False
    asked = table.orders().republish_said(order_id, row)
    logger.error("cancellation is stuck", order_id=order_id, status=row["status"], since=row["updated_at"], asked=asked)
    metrics.add_metric(name="CancellationStuck", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()
    table.orders().postpone(order_id, decisions.next_repeat_at(row, clock.now()))
    return True


def recover_each(owner: str) -> dict[str, int]:
    """Recover each order that is due, the longest waiting first, or ask again for what it waits for."""
    orders, done = table.orders(), Counter(due=0, recovered=0, stuck=0)

    def look(order_id: str) -> bool:
        done["due"] += 1
        recovered = recover(order_id, owner)
        done["recovered"] += recovered
        done["stuck"] += not recovered and ask_again(order_id)
        return recovered

    failed = move_each(orders, orders.due(clock.now(), PER_SHARD), look, "OrdersNotMoved")["failed"]
    if done["recovered"]:
        logger.info("orders recovered", due=done["due"], recovered=done["recovered"])
    return {**done, "failed": failed}


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """One sweep. Safe to run at any time, any number at once; answers how much it did."""
    # The bus comes last: while it is down, it holds up no recovery.
    return sweep(lambda: recover_each(context.aws_request_id), republish_stale_outbox)
