"""Things that an order, or the bus, may wait for while the stage runs."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Awaited(StrEnum):
    """A kind of thing that may be waited for."""

    END = "the order's end"
    STOCK = "a back-order's stock"
    PARCEL = "a confirmed order's parcel, with the carrier"
    NEWS = "a mail, or the order's record of its parcel"
    BUS = "an event's publication"


class Waiting(NamedTuple):
    """Something that has not come yet. It breaks `invariant`, as `what` says, once it is overdue. `since` is RFC 3339."""

    invariant: str
    what: str
    awaited: Awaited
    since: str


Overdue = Mapping[Awaited, str]
"""By kind, a moment (RFC 3339, as rows have it): a thing that is waited for since before that moment is overdue."""
NOTHING_IS_OVERDUE: Final[Overdue] = {}
