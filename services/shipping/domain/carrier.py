"""The port to whoever carries the parcels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from kernel.contact import Contact
from kernel.errors import RetryableError


class Parcel(StrEnum):
    """Where a parcel is, as its carrier says."""

    ON_ITS_WAY = "ON_ITS_WAY"
    DELIVERED = "DELIVERED"
    RETURNED = "RETURNED"
    """It comes back, or is lost: somebody must talk to the customer."""


class LetGo(StrEnum):
    """What became of a booking that is taken back."""

    DONE = "DONE"
    OPEN = "OPEN"
    """The carrier may have sold it by a request that is still under way, or has not decided about its refund: ask again."""
    REFUSED = "REFUSED"
    """The carrier keeps the money of a label that no parcel used."""


@dataclass(frozen=True)
class Sighting:
    """What a carrier's webhook told: of which order, and where its parcel is."""

    order_id: str
    parcel: Parcel


class CarrierUnavailableError(RetryableError):
    """The carrier gave no outcome. The same call is safe to repeat."""


class Carrier(Protocol):
    """A parcel is prepared, which binds nobody; then booked, once for each preparation, however often it is asked for."""

    asked_every: timedelta
    """How long it is let be before it is asked about a parcel again."""

    def prepare(self, order_id: str, contact: Contact, lines: Sequence[Mapping[str, object]]) -> str | None:
        """Prepare a booking. Return the carrier's id of it, or None for an unserved address. Raises
        CarrierUnavailableError.

        `lines` are the parcel's, each `{"sku", "quantity"}`. What is prepared and never booked costs nothing.
        """
        ...

    def book(self, booking: str) -> str | None:
        """Book the parcel. Return its tracking number, or None if the carrier refuses it. Raises CarrierUnavailableError."""
        ...

    def cancel(self, booking: str) -> LetGo:
        """Take a booking back, if it was made: the parcel stays here. May be repeated. Raises CarrierUnavailableError."""
        ...

    def find(self, booking: str) -> Parcel:
        """Where the parcel is. Raises CarrierUnavailableError."""
        ...

    def hear(self, headers: Mapping[str, str], body: str, now: datetime) -> Sighting | None:
        """Parse the carrier's webhook. Return None if it concerns no parcel of ours. Header names are in lower case.

        Raises InvalidSignatureError, ValueError for a body of another form, CarrierUnavailableError.
        """
        ...
