"""EasyPost, which buys labels of many carriers (https://docs.easypost.com), spoken to in its wire form.

EasyPost has no idempotency keys. What makes a booking happen once is that a shipment is created first, which costs nothing,
that its id is written down, and that EasyPost sells one label for a shipment.
"""

import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import urllib3

from kernel import outside_json
from kernel.contact import Contact
from kernel.errors import RejectedError
from kernel.identifiers import ORDER_ID
from kernel.webhooks import InvalidSignatureError
from services.shipping.domain.carrier import CarrierUnavailableError, LetGo, Parcel, Sighting

Shipment = dict[str, Any]
GRAMS_OF_AN_OUNCE: Final = Decimal("28.349523125")
SHIPMENT_ID: Final = re.compile(r"shp_[A-Za-z0-9]{1,64}")
SIGNATURE: Final = "x-hmac-signature"
ADDRESS_ERRORS: Final = "ADDRESS."
"""How the codes begin by which EasyPost says that an address is none (https://docs.easypost.com/docs/errors)."""
TAKEN_BACK: Final = frozenset({"submitted", "refunded"})
REFUND_ENDS: Final = {"refunded": LetGo.DONE, "rejected": LetGo.REFUSED, "not_applicable": LetGo.REFUSED}
PARCELS: Final = {
    "delivered": Parcel.DELIVERED,
    **dict.fromkeys(("return_to_sender", "failure", "cancelled"), Parcel.RETURNED),
}
"""The statuses of a tracker (https://docs.easypost.com/docs/trackers) in which a parcel is on its way no more."""


class AddressRefusedError(RejectedError):
    """An address that EasyPost rejects."""


@dataclass(frozen=True)
class Sender:
    """Where parcels come from, in EasyPost's words (`name`, `street1`, `city` ...), and what an item of theirs weighs."""

    address: Mapping[str, str]
    grams_per_item: int


class EasyPostCarrier:
    """A `Carrier` that buys the cheapest label there is.

    Where no rate is offered for an address, that is no refusal: a carrier that is down offers none either. The shipment
    then stays due, is counted, and an operator may cancel the order.
    """

    asked_every = timedelta(hours=6)

    def __init__(
        self,
        http: urllib3.PoolManager,
        url: str,
        sender: Sender,
        api_key: Callable[[], str],
        webhook_secret: Callable[[], str],
    ) -> None:
        self.http, self.url, self.sender = http, url, sender
        self.api_key, self.webhook_secret = api_key, webhook_secret

    def prepare(self, order_id: str, contact: Contact, lines: Sequence[Mapping[str, Any]]) -> str | None:
        """Create a shipment at EasyPost with the name, the address and the order's id as its reference. Return its id."""
        address = contact.address
        items: int = sum(line["quantity"] for line in lines)
        shipment = {
            "reference": order_id,
            "to_address": {
                "name": contact.name,
                "street1": address["line1"],
                "street2": address.get("line2", ""),
                "city": address["city"],
                "state": address.get("region", ""),
                "zip": address["postal_code"],
                "country": address["country"],
            },
            "from_address": dict(self.sender.address),
            "parcel": {"weight": _ounces(items * self.sender.grams_per_item)},
        }
        try:
            return str(self._call("POST", "/v2/shipments", {"shipment": shipment})["id"])
        except AddressRefusedError:
            return None

    def book(self, booking: str) -> str | None:
        """Return the tracking number of the shipment's label; buy the label unless it is bought already."""
        shipment = self._shipment(booking)
        if shipment.get("refund_status") in TAKEN_BACK:
            return None
        if shipment.get("tracking_code"):
            return str(shipment["tracking_code"])
        rate = _cheapest(shipment["rates"])
        try:
            return str(self._call("POST", f"/v2/shipments/{booking}/buy", {"rate": {"id": rate["id"]}})["tracking_code"])
        except AddressRefusedError:
            return None

    def cancel(self, booking: str) -> LetGo:
        """Ask for the label's refund, unless it is asked for. Without a label, one may still be sold by a slow request of ours.

        EasyPost decides about a refund in days or weeks (https://docs.easypost.com/docs/shipments#refund-a-shipment).
        """
        shipment = self._shipment(booking)
        status = shipment.get("refund_status")
        if status in REFUND_ENDS:
            return REFUND_ENDS[status]
        if shipment.get("tracking_code") and status not in TAKEN_BACK:
            self._call("POST", f"/v2/shipments/{booking}/refund")
        return LetGo.OPEN

    def find(self, booking: str) -> Parcel:
        """Where the shipment's tracker says it is."""
        return _parcel(self._shipment(booking))

    def hear(self, headers: Mapping[str, str], body: str, now: datetime) -> Sighting | None:
        """Return the status of the shipment in a signed event, by asking EasyPost.

        EasyPost's signature has no time in it (https://docs.easypost.com/guides/webhooks-guide), so an event only names the
        shipment to ask about. A recorded event can be replayed, but it cannot say anything false.
        """
        secret = unicodedata.normalize("NFKD", self.webhook_secret())
        expected = "hmac-sha256-hex=" + hmac.new(secret.encode(), body.encode(errors="surrogatepass"), sha256).hexdigest()
        signature = headers.get(SIGNATURE, "")
        if not signature.isascii() or not hmac.compare_digest(expected, signature):
            raise InvalidSignatureError("the signature is not of this body under our secret")
        try:
            event = outside_json.read_object(body)
            if not str(event["description"]).startswith("tracker."):
                return None
            shipment_id = event["result"].get("shipment_id")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError("the body must be an EasyPost event with a description and a result") from None
        if not isinstance(shipment_id, str) or not SHIPMENT_ID.fullmatch(shipment_id):
            return None  # a tracker that belongs to no shipment
        shipment = self._shipment(shipment_id)
        reference = shipment.get("reference")
        if not isinstance(reference, str) or not ORDER_ID.fullmatch(reference):
            return None  # the account is used for other parcels too
        return Sighting(reference, _parcel(shipment))

    def _shipment(self, booking: str) -> Shipment:
        return self._call("GET", f"/v2/shipments/{booking}")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request. No message of EasyPost's is passed on: it may name a person, and would end in a log."""
        headers = urllib3.make_headers(basic_auth=f"{self.api_key()}:")
        try:
            answer = self.http.request(method, f"{self.url}{path}", headers=headers, **({"json": body} if body else {}))
            said = outside_json.read_object(answer.data or b"{}")
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise CarrierUnavailableError(f"{method} {path}: {type(error).__name__}") from None
        if answer.status < 300:
            return dict(said)
        code = str(said.get("error", {}).get("code", "")) if isinstance(said.get("error"), dict) else ""
        if code.startswith(ADDRESS_ERRORS):
            raise AddressRefusedError(code)
        raise CarrierUnavailableError(f"{method} {path}: HTTP {answer.status} {code}")


def _parcel(shipment: Shipment) -> Parcel:
    tracker = shipment.get("tracker") or {}
    return PARCELS.get(str(tracker.get("status")), Parcel.ON_ITS_WAY)


def _cheapest(rates: Sequence[Mapping[str, object]]) -> Mapping[str, Any]:
    if not rates:
        raise CarrierUnavailableError(
            "no carrier offers a rate; the shipment stays here until one does, or the order is cancelled"
        )
    return min(rates, key=lambda rate: (Decimal(rate["rate"]), rate["id"]))


def _ounces(grams: int) -> float:
    """EasyPost's unit of weight, to one decimal place and never nothing."""
    return max(0.1, float(round(grams / GRAMS_OF_AN_OUNCE, 1)))
