"""A carrier of our own, for the laptop, tests and stages without real parcels: it moves none."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from kernel import outside_json, webhooks
from kernel.contact import Contact
from kernel.identifiers import ORDER_ID
from kernel.statements import Quantity
from services.shipping.domain.carrier import CancelOutcome, ParcelStatus, TrackingUpdate

UNREACHED: Final = frozenset({"AQ"})
"""The countries (ISO 3166-1) that the sandbox refuses, so that a refusal can be tried: Antarctica."""
SIGNATURE: Final = "orderflow-signature"


class SandboxCarrier:
    """A `Carrier` that accepts every parcel it can reach the address of, and has delivered it by the first query.

    The body of its webhook is `{"order_id", "parcel"}`, signed in the header SIGNATURE as `kernel.webhooks` describes.
    """

    poll_interval = timedelta(0)

    def __init__(self, webhook_secret: Callable[[], str]) -> None:
        self.webhook_secret = webhook_secret

    def prepare(self, order_id: str, contact: Contact, lines: Sequence[Quantity]) -> str | None:
        """Return the order's id: the same order is the same booking."""
        return None if contact.address["country"] in UNREACHED else order_id

    def book(self, booking: str) -> str | None:
        """Return a tracking number made of the order's id."""
        return f"SBX-{sha256(booking.encode()).hexdigest()[:16]}"

    def cancel(self, booking: str) -> CancelOutcome:
        """Return DONE: no parcel was moved."""
        return CancelOutcome.DONE

    def track(self, booking: str) -> ParcelStatus:
        """Return DELIVERED."""
        return ParcelStatus.DELIVERED

    def parse_webhook(self, headers: Mapping[str, str], body: str, now: datetime) -> TrackingUpdate:
        """Return the news in the signed body. Raises InvalidSignatureError, ValueError."""
        webhooks.verify(self.webhook_secret(), headers.get(SIGNATURE, ""), body, now)
        try:
            update = outside_json.read_object(body)
            order_id, parcel = update["order_id"], ParcelStatus(update["parcel"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"the body must be order_id and parcel, one of {', '.join(ParcelStatus)}") from None
        if not isinstance(order_id, str) or not ORDER_ID.fullmatch(order_id):
            raise ValueError("order_id must be an order's id, ord- and 26 of a-z 2-7")
        return TrackingUpdate(order_id, parcel)
