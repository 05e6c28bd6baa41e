"""Orphans: money set aside, or goods held, for an order that does not exist or was cancelled before its confirmation.

The saga settles nearly all rows that hold money or goods within seconds. A pass over the table finds those that it left, and
makes them due for a look of the sweeper (docs/how-to/runbooks/orphan-money-or-goods.md).
"""

from datetime import timedelta
from typing import Final

from kernel.errors import RetryableError
from kernel.facts import OrderFacts
from kernel.table_pass import OpenRows

LANE: Final = "unsettled-"
"""These rows are due in partitions of their own, so that they delay no other work of the sweeper."""
LOOK_AFTER: Final = timedelta(minutes=15)
"""The time that the saga and the order's own sweeper have for a step of a row: longer than an order can be undecided."""
LOOK_AGAIN_AFTER: Final = timedelta(days=1)
"""The interval between the checks of a row that its order still needs: a back-order waits for days."""


class OrphanCapturedError(RetryableError):
    """The money of an orphan is captured, or may be: an operator must refund it."""


def unsettled(aggregate: str, statuses: frozenset[str]) -> OpenRows:
    """Return the rows of an aggregate that a pass makes due for a look: in `statuses` they hold money or goods."""
    return OpenRows(aggregate, statuses, LOOK_AFTER, LANE)


def is_orphan(order: OrderFacts | None) -> bool:
    """Return whether an order with these facts has no use for what is set aside or held for it."""
    return order is None or (order["status"] == "CANCELLED" and not order["revoked"])
