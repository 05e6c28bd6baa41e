"""EasyPost, which buys labels of many carriers (https://docs.easypost.com), by its HTTPS API.

EasyPost has no idempotency keys. A booking happens once because a shipment is created first, which costs nothing, because the
row stores its id, and because EasyPost sells one label for a shipment.
"""

import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, Literal, TypedDict, cast

import urllib3

from kernel import outside_json
from kernel.contact import Contact
from kernel.errors import RejectedError
from kernel.identifiers import ORDER_ID
from kernel.statements import Quantity
from kernel.webhooks import InvalidSignatureError
from services.shipping.domain.carrier import (
    CancelOutcome,
    CarrierUnavailableError,
    ParcelStatus,
    ShipmentNotReadyError,
    TrackingUpdate,
)

GRAMS_OF_AN_OUNCE: Final = Decimal("28.349523125")
SHIPMENT_ID: Final = re.compile(r"shp_[A-Za-z0-9]{1,64}")
SIGNATURE: Final = "x-hmac-signature"
ADDRESS_ERRORS: Final = "ADDRESS."
"""The first part of the codes by which EasyPost rejects an address (https://docs.easypost.com/docs/errors)."""
NO_REJECTIONS: Final = frozenset(
    {
        "ADDRESS.VERIFY.CARRIER_INVALID",
        "ADDRESS.VERIFY.INTL_NOT_ENABLED",
        "ADDRESS.VERIFY.UNAVAILABLE",
        "ADDRESS.VERIFY.UPSTREAM_UNAVAILABLE",
        "ADDRESS.VERIFICATION.INVALID",
    }
)
"""Those of an outage, or about our account or request: they say nothing about the address."""
OUTAGES: Final = frozenset({"ADDRESS.VERIFY.UNAVAILABLE", "ADDRESS.VERIFY.UPSTREAM_UNAVAILABLE"})
"""Those of an outage, which concern other shipments too."""
REJECTED: Final = frozenset({400, 404, 422})
"""The HTTP statuses of a rejection."""
REFUND_REQUESTED: Final = frozenset({"submitted", "refunded"})
REFUND_ENDS: Final = {
    "refunded": CancelOutcome.DONE,
    "rejected": CancelOutcome.REFUSED,
    "not_applicable": CancelOutcome.REFUSED,
}
"""The statuses of a refund that are final (https://docs.easypost.com/docs/shipments#refund-a-shipment)."""
PARCELS: Final = {
    "delivered": ParcelStatus.DELIVERED,
    **dict.fromkeys(("return_to_sender", "failure", "cancelled"), ParcelStatus.RETURNED),
}
"""The statuses of a tracker (https://docs.easypost.com/docs/trackers) in which a parcel is no longer on its way."""


class Rate(TypedDict):
    """An offer of a carrier: `rate` is its price as decimal text, in the account's currency."""

    id: str
    rate: str


class Tracker(TypedDict, total=False):
    """The tracking of a bought label."""

    status: str


class Shipment(TypedDict, total=False):
    """The attributes that we read of EasyPost's shipment (https://docs.easypost.com/docs/shipments)."""

    id: str
    reference: str | None
    tracking_code: str | None
    refund_status: str | None
    rates: list[Rate]
    tracker: Tracker | None


class AddressRefusedError(RejectedError):
    """EasyPost does not accept the address."""


@dataclass(frozen=True)
class Sender:
    """The sender's address, in EasyPost's fields (`name`, `street1`, `city` ...), and the weight of an item in grams."""

    address: Mapping[str, str]
    grams_per_item: int


class EasyPostCarrier:
    """A `Carrier` that buys the cheapest label on offer.

    An address without a rate is not refused, because a carrier that is down offers none either. The shipment then stays due and
    is counted, and an operator can cancel the order.
    """

    poll_interval = timedelta(hours=6)

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

    def prepare(self, order_id: str, contact: Contact, lines: Sequence[Quantity]) -> str | None:
        """Return the id of a new shipment. EasyPost gets the name, the address, and the order's id as its reference."""
        address = contact.address
        items = sum(line["quantity"] for line in lines)
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
            return _text(self._call("POST", "/v2/shipments", {"shipment": shipment}), "id")
        except AddressRefusedError:
            return None

    def book(self, booking: str) -> str | None:
        """Buy the shipment's label, unless it is bought already, and return its tracking number."""
        shipment = self._shipment(booking)
        if shipment.get("refund_status") in REFUND_REQUESTED:
            return None
        if shipment.get("tracking_code"):
            return _tracking(shipment)
        rate = _cheapest(shipment.get("rates") or ())
        try:
            bought = self._call("POST", f"/v2/shipments/{booking}/buy", {"rate": {"id": rate["id"]}})
            return _tracking(bought)
        except AddressRefusedError:
            return None

    def cancel(self, booking: str) -> CancelOutcome:
        """Request the label's refund, unless that is done. Without a label, a slow request of ours may still buy one.

        EasyPost decides about a refund in days or weeks (https://docs.easypost.com/docs/shipments#refund-a-shipment).
        """
        shipment = self._shipment(booking)
        status = shipment.get("refund_status")
        if status in REFUND_ENDS:
            return REFUND_ENDS[status]
        if shipment.get("tracking_code") and status not in REFUND_REQUESTED:
            self._call("POST", f"/v2/shipments/{booking}/refund")
        return CancelOutcome.OPEN

    def track(self, booking: str) -> ParcelStatus:
        """Return the status of the shipment's tracker."""
        return _parcel(self._shipment(booking))

    def parse_webhook(self, headers: Mapping[str, str], body: str, now: datetime) -> TrackingUpdate | None:
        """Return the current status of the shipment that a signed event is about.

        EasyPost's signature holds no time (https://docs.easypost.com/guides/webhooks-guide). So an event only names the
        shipment to query, and a recorded event that is sent again does no harm.
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
        return TrackingUpdate(reference, _parcel(shipment), shipment_id)

    def _shipment(self, booking: str) -> Shipment:
        return self._call("GET", f"/v2/shipments/{booking}")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Shipment:
        """Send one request; return the shipment in the response.

        Raises AddressRefusedError, ShipmentNotReadyError, CarrierUnavailableError: without EasyPost's message, which may name a
        person.
        """
        headers = urllib3.make_headers(basic_auth=f"{self.api_key()}:")
        try:
            answer = self.http.request(method, f"{self.url}{path}", headers=headers, **({"json": body} if body else {}))
            said: dict[str, Any] = outside_json.read_object(answer.data or b"{}")
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise CarrierUnavailableError(f"{method} {path}: {type(error).__name__}") from None
        if answer.status < 300:
            return cast(Shipment, said)
        code = str(said.get("error", {}).get("code", "")) if isinstance(said.get("error"), dict) else ""
        if answer.status in REJECTED and code.startswith(ADDRESS_ERRORS) and code not in NO_REJECTIONS:
            raise AddressRefusedError(code)
        is_answer = answer.status in REJECTED and code not in OUTAGES
        fault = ShipmentNotReadyError if is_answer else CarrierUnavailableError
        raise fault(f"{method} {path}: HTTP {answer.status} {code}")


def _text(shipment: Shipment, name: Literal["id", "tracking_code"]) -> str:
    """Return a text that the response must have. Raises ShipmentNotReadyError: a label may get its number later."""
    value = shipment.get(name)
    if not isinstance(value, str) or not value:
        raise ShipmentNotReadyError(f"the shipment in the response has no {name} yet")
    return value


def _tracking(shipment: Shipment) -> str:
    """Return the tracking number in the form of ShipmentDispatched, with hyphens in place of other signs."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", _text(shipment, "tracking_code"))[:64]


def _parcel(shipment: Shipment) -> ParcelStatus:
    tracker = shipment.get("tracker") or {}
    return PARCELS.get(str(tracker.get("status")), ParcelStatus.ON_ITS_WAY)


def _cheapest(rates: Sequence[Rate]) -> Rate:
    if not rates:
        raise ShipmentNotReadyError(
            "no carrier offers a rate; the shipment stays due until one does, or until the order is cancelled"
        )
    try:
        return min(rates, key=lambda rate: (Decimal(rate["rate"]), rate["id"]))
    except (ArithmeticError, KeyError, TypeError, ValueError):
        raise ShipmentNotReadyError("a rate in the response has no price; the shipment stays due") from None


def _ounces(grams: int) -> float:
    """Return the weight in ounces, EasyPost's unit, to one decimal place and at least 0.1."""
    return max(0.1, float(round(grams / GRAMS_OF_AN_OUNCE, 1)))
