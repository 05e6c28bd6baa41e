"""The port to the carrier of the parcels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from kernel.contact import Contact
from kernel.errors import RetryableError
from kernel.statements import Quantity


class ParcelStatus(StrEnum):
    """Where a parcel is, according to its carrier."""

    ON_ITS_WAY = "ON_ITS_WAY"
    DELIVERED = "DELIVERED"
    RETURNED = "RETURNED"
    """The parcel comes back or is lost: an operator must contact the customer."""


class CancelOutcome(StrEnum):
    """The result of the request to cancel a booking."""

    DONE = "DONE"
    OPEN = "OPEN"
    """Repeat the request later: a slow request may still buy the label, or the carrier has not decided about its refund."""
    REFUSED = "REFUSED"
    """The carrier keeps the money of a label that no parcel used."""


@dataclass(frozen=True)
class TrackingUpdate:
    """The news in a carrier's webhook: an order, the status of its parcel, and its booking if that is known."""

    order_id: str
    parcel: ParcelStatus
    booking: str | None = None


class CarrierUnavailableError(RetryableError):
    """The carrier did not say what it did; repeat the call."""


class ShipmentNotReadyError(CarrierUnavailableError):
    """The carrier answered that it cannot do this for the shipment now: repeat the call. Other shipments are not affected."""


class Carrier(Protocol):
    """A carrier. `prepare` has no side effects; `book` is idempotent for each prepared booking."""

    poll_interval: timedelta
    """How long to wait between two queries about the same parcel."""

    def prepare(self, order_id: str, contact: Contact, lines: Sequence[Quantity]) -> str | None:
        """Return the carrier's id of a new booking, or None if it does not deliver to the address.

        `lines` are the parcel's. A booking that is prepared and never booked costs nothing. Raises CarrierUnavailableError.
        """
        ...

    def book(self, booking: str) -> str | None:
        """Return the parcel's tracking number, or None if the carrier refuses the parcel. Raises CarrierUnavailableError."""
        ...

    def cancel(self, booking: str) -> CancelOutcome:
        """Cancel a booking, if it was made: the parcel stays here. Repeating is safe. Raises CarrierUnavailableError."""
        ...

    def track(self, booking: str) -> ParcelStatus:
        """Return where the parcel is. Raises CarrierUnavailableError."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: str, now: datetime) -> TrackingUpdate | None:
        """Return the news in a webhook's body, or None if it is about no parcel of ours. Header names are in lower case.

        Raises InvalidSignatureError, ValueError for a malformed body, CarrierUnavailableError.
        """
        ...
