"""The sweeper: every minute, each refund whose outcome is not known yet is asked for again. It never gives up.

Everything before the capture the saga recovers.
"""

from typing import Any, Final

from services.kernel import clock
from services.kernel.functions import move_each, republish_left_behind, sweep
from services.payment import processing, states, table
from services.payment.gateways import gateway

PER_SHARD: Final = 5
"""How many refunds of a shard one sweep asks for; at the gateway's slowest they fill it. The rest come first in the next."""


def go_on(order_id: str) -> bool:
    """Ask for the refund again; whether its outcome is known now."""
    payments = table.payments()
    row = processing.refund(payments, gateway(), payments.get(order_id))
    if row is not None and row["status"] == states.REFUNDING:
        payments.postpone(order_id, clock.now())  # behind the others that are due
        return False
    return True


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """One sweep. Safe to run at any time, any number at once; answers how much it did."""
    payments = table.payments()
    due = payments.due(clock.now(), PER_SHARD)
    return sweep(lambda: move_each(payments, due, go_on, "RefundsNotAskedFor", moved="known"), republish_left_behind)
