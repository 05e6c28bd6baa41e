"""The deadlines of orders: an order is unavailable only after a try that began when its time was up."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Final

from simulation.engine.dynamodb import Change
from simulation.engine.scheduler import SECOND
from simulation.stage import deployment
from simulation.stage.invariants.record import Record
from simulation.stage.invariants.rows import status_of, text_of

NEVER_ANSWERED: Final = "pm_card_unavailable"
"""A token of the sandbox whose gateway is never available."""
UNAVAILABLE: Final = ("PAYMENT_UNAVAILABLE", "INVENTORY_UNAVAILABLE")
SKEW_SECONDS: Final = 90
"""The most that a clock is off."""


class Deadlines:
    """The tries and the deadlines of one world. `since_epoch` parses a time of a row to simulated microseconds."""

    def __init__(self, record: Record, since_epoch: Callable[[str], int]) -> None:
        self.record = record
        self.since_epoch = since_epoch
        self.undecided_since: dict[str, int] = {}
        """By order, when it was placed, or last resumed after it had waited."""
        self.tried: dict[str, int] = defaultdict(int)
        """By order, when a run last asked payment or inventory about it."""

    def tries(self, order_id: str) -> None:
        """Record that a run calls payment or inventory about the order."""
        self.tried[order_id] = self.record.now()

    def order_written(self, order_id: str, change: Change) -> None:
        """Record when an order begins to be undecided, and check its end."""
        if change.old is None or (status_of(change.old), status_of(change.new)) == ("BACKORDERED", "PENDING"):
            written = self.since_epoch(str(text_of(change.new, "resumed_at") or text_of(change.new, "created_at")))
            self.undecided_since[order_id] = min(written, self.record.now())  # the write itself may have come late
        self.unavailable_only_after_the_deadline(order_id, change)

    def unavailable_only_after_the_deadline(self, order_id: str, change: Change) -> None:
        """Check that the try which ends the order began after its deadline, by its row and by the calls that were made."""
        reason = text_of(change.new, "reason")
        if status_of(change.new) != "CANCELLING" or reason not in UNAVAILABLE or status_of(change.old) == "CANCELLING":
            return
        since = text_of(change.old, "resumed_at") or text_of(change.old, "created_at") or ""
        tried_at = text_of(change.old, "tried_at") or ""
        waited = seconds_between(since, tried_at) if tried_at else 0.0
        really = (self.tried[order_id] - self.undecided_since[order_id]) / SECOND
        if waited < deployment.abort_after_seconds() or really < deployment.abort_after_seconds() - 2 * SKEW_SECONDS:
            self.record.fail(
                "unavailable_only_after_the_deadline",
                f"{order_id} is cancelled as {reason} after {waited:.0f} s by its row, and {really:.0f} s by its last try",
            )

    def waits_for_time(self, order_id: str) -> bool:
        """Return True if the order may stay undecided: it waits for stock, or its gateway never answers before its deadline."""
        order = self.record.orders[order_id]
        if status_of(order) == "BACKORDERED":
            return True
        lived = (self.record.now() - self.undecided_since[order_id]) / SECOND
        never_answered = status_of(order) == "PENDING" and text_of(order, "payment_token") == NEVER_ANSWERED
        return never_answered and lived < deployment.abort_after_seconds() + 2 * SKEW_SECONDS


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds from one RFC 3339 moment to another."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
