"""A carrier of our own, for the laptop, tests and stages without real parcels: it moves nothing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from kernel import outside_json, webhooks
from kernel.contact import Contact
from kernel.identifiers import ORDER_ID
from services.shipping.domain.carrier import LetGo, Parcel, Sighting

UNREACHED: Final = frozenset({"AQ"})
"""The countries (ISO 3166-1) that the sandbox does not go to, so that a refusal can be had: Antarctica."""
SIGNATURE: Final = "orderflow-signature"


class SandboxCarrier:
    """Takes every parcel it can reach the address of, and has delivered it by the time anybody asks.

    Its webhook's body is `{"order_id", "parcel"}`, signed as `kernel.webhooks` says in the header SIGNATURE.
    """

    asked_every = timedelta(0)

    def __init__(self, webhook_secret: Callable[[], str]) -> None:
        self.webhook_secret = webhook_secret

    def prepare(self, order_id: str, contact: Contact, lines: Sequence[Mapping[str, object]]) -> str | None:
        """Return the order's id: the same order is the same booking."""
        return None if contact.address["country"] in UNREACHED else order_id

    def book(self, booking: str) -> str | None:
        """Return a number made of the order's id."""
        return f"SBX-{sha256(booking.encode()).hexdigest()[:16]}"

    def cancel(self, booking: str) -> LetGo:
        """Nothing was moved."""
        return LetGo.DONE

    def find(self, booking: str) -> Parcel:
        """Find every parcel."""
        return Parcel.DELIVERED

    def hear(self, headers: Mapping[str, str], body: str, now: datetime) -> Sighting:
        """Parse the signed body."""
        webhooks.verify(self.webhook_secret(), headers.get(SIGNATURE, ""), body, now)
        try:
            told = outside_json.read_object(body)
            order_id, parcel = told["order_id"], Parcel(told["parcel"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"the body must be order_id and parcel, one of {', '.join(Parcel)}") from None
        if not isinstance(order_id, str) or not ORDER_ID.fullmatch(order_id):
            raise ValueError("order_id must be an order's id, ord- and 26 of a-z 2-7")
        return Sighting(order_id, parcel)
