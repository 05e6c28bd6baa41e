"""The declarations in a service's `subscriptions.py`: its subscriptions, the events of each, and the fields that it reads."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

Subscriptions = Mapping[str, Mapping[tuple[str, str], tuple[str, ...]]]
"""By subscription: the fields read, by (source, detail-type). A source may end in `*`.

A field is written as it stands in the event's detail, `data.lines[].sku`. All of these and no others are read: a publisher may
change fields that no consumer reads.
"""

DetailPattern = Mapping[str, Mapping[str, Sequence[str | int | bool]]]
"""The values that fields of an event's detail must have, in the form of a pattern: `{"data": {"confirmed": [True]}}`."""
Filters = Mapping[str, DetailPattern]
"""By subscription: the pattern without which an event is not delivered; it would have no effect on the consumer."""


class ReplayPolicy(StrEnum):
    """The treatment of an event out of the archive by a subscription. It never repeats work that is done."""

    REAPPLY = "rebuild"
    """Create the row that is missing, with all that follows from it."""
    OPT_IN = "catch-up"
    """Act on what was missed (charge, book a parcel, send a mail), but only in a replay with `--catch-up`."""


CAUSE = ("metadata.event_id", "metadata.correlation_id")
"""The fields that a consumer reads to name the cause of its own events."""
ORDER = ("metadata.order_id", *CAUSE)
"""The same of an event that is about an order."""
