"""The events that the journal has newly got, look by look."""

from datetime import datetime, timedelta
from typing import Final

from operations.aws.target import Target
from operations.events import journal
from operations.events.journal import Published
from operations.window import Window

OVERLAP: Final = timedelta(seconds=60)
"""How long after its put an event may be journaled and is still found. Each look reads this much of the journal again."""


class Recent:
    """The puts since `since` that no earlier look returned.

    The bus states whole seconds, and the journal's writes overtake one another. So each look also reads the minute before the
    last look again, and returns the puts that are new. The memory holds the ids of what one look reads.
    """

    def __init__(self, target: Target, since: datetime) -> None:
        self._target = target
        self._since = self._looked_at = since
        self._seen: frozenset[str] = frozenset()

    def look(self, now: datetime) -> list[Published]:
        """Return the puts that are new in the journal, the earliest first."""
        start = max(self._since.replace(microsecond=0), self._looked_at - OVERLAP)
        found = list(journal.in_window(self._target, Window(start, now + timedelta(seconds=1))))
        new = [put for put in found if put.event["id"] not in self._seen]
        self._looked_at = now
        self._seen = frozenset(put.event["id"] for put in found)
        return new
