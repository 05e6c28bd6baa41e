"""Orphans: money set aside, or goods held, for an order that does not exist or was cancelled before its confirmation.

A row that holds money or goods is due for a look from the write that opens it to the write that settles it. The saga settles
nearly all of them within seconds; a sweeper looks at those that it left (docs/how-to/runbooks/orphan-money-or-goods.md).
"""

from datetime import datetime, timedelta
from typing import Final

from kernel.aggregate_store import DueAttributes, due_at
from kernel.errors import RetryableError
from kernel.facts import OrderFacts

LANE: Final = "unsettled-"
"""These rows are due in partitions of their own, so that they delay no other work of the sweeper."""
LOOK_AFTER: Final = timedelta(minutes=15)
"""The time that the saga and the order's own sweeper have for a row: longer than an order can be undecided."""
LOOK_AGAIN_AFTER: Final = timedelta(days=1)
"""The interval between the checks of a row that its order still needs: a back-order waits for days."""


class OrphanCapturedError(RetryableError):
    """The money of an orphan is captured, or may be: an operator must refund it."""


def unsettled(key: str, now: datetime) -> DueAttributes:
    """Return the attributes by which a sweeper finds the row `key` if nothing settles it."""
    return due_at(key, now + LOOK_AFTER, LANE)


def is_orphan(order: OrderFacts | None) -> bool:
    """Return whether an order with these facts has no use for what is set aside or held for it."""
    return order is None or (order["status"] == "CANCELLED" and not order["revoked"])
