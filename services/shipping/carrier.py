"""The carrier that takes the parcels: a sandbox, which moves nothing."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

UNREACHED: Final = frozenset({"AQ"})
"""The countries (ISO 3166-1) that the sandbox does not go to, so that a refusal can be had: Antarctica."""


class CarrierUnavailable(Exception):
    """The carrier gave no outcome; the same call again will."""


class SandboxCarrier:
    """Takes every parcel it can reach the address of, and has delivered it by the time anybody asks."""

    def book(self, order_id: str, address: Mapping[str, str]) -> str | None:
        """The tracking number of the order's parcel, or None where the carrier does not go.

        Idempotent by order: the same order has the same number, so a booking whose answer was lost is simply made again.
        """
        if address["country"] in UNREACHED:
            return None
        return f"SBX-{sha256(order_id.encode()).hexdigest()[:16]}"

    def cancel(self, order_id: str) -> None:
        """Take a booking back, if there is one: the parcel stays here. The same again does nothing more."""

    def delivered(self, tracking: str) -> bool:
        """Whether the parcel has arrived."""
        return True
