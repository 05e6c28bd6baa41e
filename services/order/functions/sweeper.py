"""The sweeper: every minute, each due order that the saga can move gets another run of it, without limit.

An order that waits for its parcel to be stopped or its refund has its request published again. `decisions.next_sweep_at` and
`next_repeat_at` say when an order is due. The sweeper cancels nothing itself: a run that gets no answer asks the order's own
decision, which knows the deadline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from kernel import clock, logs
from kernel.clients import Clients
from kernel.entrypoints import bootstrap_republish, move_each, sweep
from kernel.handler import Handler, lambda_handler
from kernel.index_shards import ALL, Share, share_in
from kernel.logs import logger
from kernel.metrics import count
from kernel.settings import from_environment
from kernel.workers import Tally
from services.order.domain import decisions, states
from services.order.domain.model import OrderRow
from services.order.storage.table import Orders
from services.order.workflow.client import Saga
from services.order.workflow.statements import resume_input

PER_SHARD: Final = 5000
"""How many orders of a shard one sweep takes; the rest are due in the next."""
STUCK_AFTER_ATTEMPTS: Final = 3


@dataclass(frozen=True)
class SweeperSettings:
    """The orders' table, the saga, and how many orders a sweep moves at once."""

    table_name: str
    workflow_arn: str
    sweep_at_once: int = 1


def stuck_metric(row: OrderRow) -> str | None:
    """Return the alarm's metric for an order that keeps failing to recover, or None if it is not stuck."""
    if row["attempts"] < STUCK_AFTER_ATTEMPTS or row["status"] == states.BACKORDERED:
        return None
    return "CompensationFailed" if row["status"] == states.CANCELLING else "OrderStuck"


class Recovery:
    """Recovers orders that are due."""

    def __init__(self, orders: Orders, saga: Saga, at_once: int = 1) -> None:
        self.orders = orders
        self.saga = saga
        self.at_once = at_once

    def recover_each(self, owner: str, share: Share = ALL) -> dict[str, int]:
        """Recover each due order of these shards, the longest waiting first, or republish its request to other services.

        `owner` names this sweep in the orders' leases.
        """
        done = Tally()

        def look(order_id: str) -> bool:
            done.add("due")
            recovered = self.recover(order_id, owner)
            done.add("recovered", recovered)
            done.add("stuck", not recovered and self.republish_request(order_id))
            return recovered

        due = self.orders.due(clock.now(), PER_SHARD, share=share)
        failed = move_each(self.orders, due, look, "OrdersNotMoved", at_once=self.at_once)["failed"]
        if done.counts["recovered"]:
            logger.info("orders recovered", due=done.counts["due"], recovered=done.counts["recovered"])
        return {**{name: done.counts[name] for name in ("due", "recovered", "stuck")}, "failed": failed}

    def recover(self, order_id: str, owner: str) -> bool:
        """Take the order's lease and start the saga; return whether it started."""
        row = self.orders.lease(order_id, owner, clock.now())
        if row is None:
            return False
        logs.follow(row["correlation_id"])
        metric = stuck_metric(row)
        if metric:
            logger.error("order still not recovered", status=row["status"], attempts=row["attempts"])
            count(metric, 1)
        return self.saga.start(resume_input(order_id, row["tried_at"]), f"{order_id}-{row['attempts']}")

    def republish_request(self, order_id: str) -> bool:
        """Publish the order's request to other services again, if it waits for them too long; return whether it does.

        No saga can move the order: its answer is in a queue or a dead-letter queue, is lost, or is at the gateway. The services
        publish their answers again.
        """
        row = self.orders.get(order_id)
        if row is None or row["status"] not in states.AWAITING_OTHER_SERVICES:
            return False
        asked = self.orders.republish_said(order_id, row)
        logs.follow(row["correlation_id"])
        logger.error("cancellation stuck", status=row["status"], since=row["updated_at"], asked=asked)
        count("CancellationStuck", 1)
        self.orders.postpone(order_id, decisions.next_repeat_at(row, clock.now()))
        return True


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of one sweep, which answers how much it did. Any number may run at any time."""
    settings = from_environment(SweeperSettings, environ)
    orders = Orders(clients.dynamodb, settings.table_name)
    recovery = Recovery(orders, Saga(clients.workflows, settings.workflow_arn), settings.sweep_at_once)
    republish = bootstrap_republish(clients, environ)

    def handle(event: Mapping[str, object], context: LambdaContext) -> dict[str, int]:
        share = share_in(event)
        # The bus comes last: while it is down, it holds up no recovery.
        return sweep(lambda: recovery.recover_each(context.aws_request_id, share), lambda: republish(share))

    return handle


handler = lambda_handler(bootstrap)
