"""The sweeper: every minute, each refund whose outcome is not known yet is asked for again. It never gives up.

The saga recovers everything before the capture. The sweeper voids a payment that the saga left and that no order needs.
"""

from collections.abc import Mapping
from typing import Final

from kernel import clock
from kernel.aggregate_store import Causation, Row
from kernel.entrypoints import move_each, release_if_orphan, republish_stale_outbox, sweep
from kernel.metrics import count
from kernel.orphans import LANE, OrphanCapturedError
from services.payment.domain import states
from services.payment.gateways.factory import gateway
from services.payment.storage import table
from services.payment.use_cases import processor

PER_SHARD: Final = 5
"""How many refunds of a shard one sweep asks for; at the gateway's slowest they fill it. The rest come first in the next."""


UNSETTLED: Final = states.TRANSITIONS.statuses - states.TRANSITIONS.terminal - {states.REFUNDING}
"""Statuses in which money is set aside, or may be."""


def go_on(order_id: str) -> bool:
    """Ask for the refund again; whether its outcome is known now."""
    payments = table.payments()
    row = processor.refund(payments, gateway(), payments.get(order_id))
    if row is not None and row["status"] == states.REFUNDING:
        payments.postpone(order_id, clock.now())  # behind the others that are due
        return False
    return True


def release_orphan(order_id: str) -> bool:
    """Void the payment if its order does not exist, or is cancelled; return whether it was.

    Raises OrphanCapturedError, GatewayFaultError, and what `facts_of` raises.
    """
    return release_if_orphan(table.payments(), order_id, UNSETTLED, void)


def void(row: Row) -> None:
    """Void a payment that no order needs. Raises OrphanCapturedError, and GatewayFaultError."""
    order_id = row["order_id"]
    if row["status"] == states.CAPTURING:
        raise OrphanCapturedError(f"the payment of {order_id} is being captured, and there is no order that needs it")
    cause = Causation(row["correlation_id"], f"{row['pk']}#{row['version']}")
    if processor.void(table.payments(), gateway(), order_id, cause)["outcome"] == "CAPTURED":
        raise OrphanCapturedError(f"the payment of {order_id} is captured, and there is no order that needs it")
    count("OrphanReleased", 1)


def handler(event: Mapping[str, object], context: object) -> dict[str, int]:
    """One sweep. Safe to run at any time, any number at once; answers how much it did."""
    payments, begun = table.payments(), clock.now()
    due = payments.due(begun, PER_SHARD)
    unsettled = payments.due(begun, PER_SHARD, LANE)
    return sweep(
        lambda: move_each(payments, due, go_on, "RefundsNotAskedFor", moved="known", begun=begun),
        lambda: move_each(
            payments, unsettled, release_orphan, "OrphansNotReleased", moved="released", failed="not_released", begun=begun
        ),
        republish_stale_outbox,
    )
