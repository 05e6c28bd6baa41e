"""The EasyPost adapter buys one label per order, whatever is lost on the way, and verifies webhooks."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from audit.row_faults import faults_of
from kernel.contact import Contact
from kernel.webhooks import InvalidSignatureError
from services.shipping.carriers.easypost import EasyPostCarrier, Sender
from services.shipping.carriers.factory import carrier_of as deployed_carrier
from services.shipping.domain.carrier import CarrierUnavailableError, ParcelStatus, ShipmentNotReadyError, TrackingUpdate
from services.shipping.functions.webhook import CarrierWebhook
from simulation.stage.providers.easypost_server import API_KEY, WEBHOOK_SECRET, EasyPost, signed
from simulation.stage.providers.http_server import serving
from tests.support.choreography import ORDER
from tests.support.fake_clients import FakeClients
from tests.unit.shipping.conftest import ShippingService, fake_secrets

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SHOP = {
    "name": "The shop",
    "street1": "388 Townsend St",
    "city": "San Francisco",
    "state": "CA",
    "zip": "94107",
    "country": "US",
}
HOME = {"line1": "179 N Harbor Dr", "city": "Redondo Beach", "region": "CA", "postal_code": "90277", "country": "US"}
CUSTOMER = Contact("Elizabeth Swan", "elizabeth@example.com", HOME)
LINES = ({"sku": "MUG", "quantity": 2}, {"sku": "LP", "quantity": 1})


@pytest.fixture
def easypost(loopback: None) -> Iterator[EasyPost]:
    account = EasyPost()
    with serving(account):
        yield account


def carrier_of(easypost: EasyPost, api_key: str = API_KEY) -> EasyPostCarrier:
    http = urllib3.PoolManager(timeout=2.0, retries=False)
    return EasyPostCarrier(http, easypost.url, Sender(SHOP, 250), lambda: api_key, lambda: WEBHOOK_SECRET)


@pytest.fixture
def carrier(easypost: EasyPost) -> EasyPostCarrier:
    return carrier_of(easypost)


def prepared(carrier: EasyPostCarrier) -> str:
    booking = carrier.prepare(ORDER, CUSTOMER, LINES)
    assert booking
    return booking


def test_prepare_buys_no_label(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    shipment = easypost.shipments[prepared(carrier)]
    assert easypost.sold == []
    assert {name: shipment[name] for name in ("reference", "to_address", "from_address", "parcel")} == {
        "reference": ORDER,
        "to_address": {
            "name": "Elizabeth Swan",
            "street1": "179 N Harbor Dr",
            "street2": "",
            "city": "Redondo Beach",
            "state": "CA",
            "zip": "90277",
            "country": "US",
        },
        "from_address": SHOP,
        "parcel": {"weight": 26.5},
    }, "three items of 250 g are 26.5 oz, and the mail address is nothing to the carrier"


def test_book_buys_the_cheapest_label_once(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    booking = prepared(carrier)
    tracking = carrier.book(booking)
    assert tracking == "9400100000000000000001"
    assert carrier.book(booking) == tracking
    assert easypost.sold == [booking]
    assert easypost.shipments[booking]["selected_rate"]["service"] == "Ground"


def test_lost_response_to_a_purchase_buys_no_second_label(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    booking = prepared(carrier)
    easypost.unheard.add("/buy")
    with pytest.raises(CarrierUnavailableError, match="ProtocolError"):
        carrier.book(booking)
    assert carrier.book(booking) == "9400100000000000000001"
    assert easypost.sold == [booking]


def test_concurrent_purchase_is_retried(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    booking = prepared(carrier)
    easypost.refused["/buy"] = (422, "SHIPMENT.PURCHASE.IN_PROGRESS")
    with pytest.raises(CarrierUnavailableError, match=r"HTTP 422 SHIPMENT\.PURCHASE\.IN_PROGRESS"):
        carrier.book(booking)
    easypost.refused.clear()
    assert carrier.book(booking)
    assert easypost.sold == [booking]


def test_invalid_address_is_refused(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    easypost.refused["/shipments"] = (422, "ADDRESS.VERIFY.FAILURE")
    assert carrier.prepare(ORDER, CUSTOMER, LINES) is None
    easypost.refused.clear()
    booking = prepared(carrier)
    easypost.refused["/buy"] = (422, "ADDRESS.VERIFY.FAILURE")
    assert carrier.book(booking) is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "ADDRESS.VERIFY.UNAVAILABLE"),
        (422, "ADDRESS.VERIFY.UPSTREAM_UNAVAILABLE"),
        (422, "ADDRESS.VERIFY.INTL_NOT_ENABLED"),
        (500, "ADDRESS.VERIFY.FAILURE"),
        (429, "ADDRESS.VERIFY.FAILURE"),
    ],
)
def test_address_that_cannot_be_verified_now_is_not_refused(
    easypost: EasyPost, carrier: EasyPostCarrier, status: int, code: str
) -> None:
    booking = prepared(carrier)
    easypost.refused |= {"/shipments": (status, code), "/buy": (status, code)}
    with pytest.raises(CarrierUnavailableError):
        carrier.prepare(ORDER, CUSTOMER, LINES)
    with pytest.raises(CarrierUnavailableError):
        carrier.book(booking)


@pytest.mark.parametrize("nothing", [None, ""])
def test_label_without_a_tracking_number_yet_is_asked_for_again(loopback: None, nothing: str | None) -> None:
    class Late(EasyPost):
        """The test server, which returns a purchase before its tracking number."""

        def buy(self, shipment: dict[str, Any], rate_id: str) -> Any:
            status, bought = super().buy(shipment, rate_id)
            return status, {**bought, "tracking_code": nothing}

    easypost = Late()
    with serving(easypost):
        carrier = carrier_of(easypost)
        booking = prepared(carrier)
        with pytest.raises(CarrierUnavailableError, match="no tracking_code yet"):
            carrier.book(booking)
        assert carrier.book(booking) == "9400100000000000000001"
    assert easypost.sold == [booking]


def test_tracking_number_has_the_form_of_the_event(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    booking = prepared(carrier)
    carrier.book(booking)
    easypost.shipments[booking]["tracking_code"] = "RX 123/456_789 DE"
    assert carrier.book(booking) == "RX-123-456-789-DE"


@pytest.mark.parametrize(
    ("status", "code", "is_outage"),
    [
        (422, "SHIPMENT.INVALID_PARAMS", False),
        (404, "NOT_FOUND", False),
        (400, "", False),
        (422, "ADDRESS.VERIFY.INTL_NOT_ENABLED", False),
        (422, "ADDRESS.VERIFY.UNAVAILABLE", True),
        (402, "PAYMENT_REQUIRED", True),
        (403, "", True),
        (429, "RATE_LIMITED", True),
        (500, "", True),
    ],
)
def test_answer_about_one_shipment_is_no_outage(
    easypost: EasyPost, carrier: EasyPostCarrier, status: int, code: str, is_outage: bool
) -> None:
    booking = prepared(carrier)
    easypost.refused["/buy"] = (status, code)
    with pytest.raises(CarrierUnavailableError) as fault:
        carrier.book(booking)
    assert isinstance(fault.value, ShipmentNotReadyError) != is_outage


def test_missing_rate_is_not_a_refusal(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    easypost.rates = []
    booking = prepared(carrier)
    with pytest.raises(ShipmentNotReadyError, match="no carrier offers a rate"):
        carrier.book(booking)


@pytest.mark.parametrize("damage", [{"rate": "N/A"}, {"rate": None}, {"rate": "NaN"}, {"rate": {}}])
def test_rate_without_a_price_is_not_a_refusal(easypost: EasyPost, carrier: EasyPostCarrier, damage: dict[str, object]) -> None:
    booking = prepared(carrier)
    easypost.shipments[booking]["rates"][0] |= damage
    with pytest.raises(ShipmentNotReadyError, match="no price"):
        carrier.book(booking)
    assert easypost.sold == []


@pytest.mark.parametrize("rates", [None, []])
def test_response_without_rates_is_not_a_refusal(easypost: EasyPost, carrier: EasyPostCarrier, rates: object) -> None:
    booking = prepared(carrier)
    easypost.shipments[booking]["rates"] = rates
    with pytest.raises(CarrierUnavailableError, match="no carrier offers a rate"):
        carrier.book(booking)


@pytest.mark.parametrize(
    ("status", "code"), [(429, "RATE_LIMITED"), (500, "INTERNAL_SERVER_ERROR"), (402, "PAYMENT_REQUIRED"), (503, "")]
)
def test_other_errors_are_retried(easypost: EasyPost, carrier: EasyPostCarrier, status: int, code: str) -> None:
    easypost.refused["/shipments"] = (status, code)
    with pytest.raises(CarrierUnavailableError, match=f"POST /v2/shipments: HTTP {status} {code}"):
        carrier.prepare(ORDER, CUSTOMER, LINES)


def test_unreachable_easypost_is_retried(loopback: None) -> None:
    nobody = EasyPost()
    with serving(nobody):
        pass
    with pytest.raises(CarrierUnavailableError, match="NewConnectionError"):
        carrier_of(nobody).prepare(ORDER, CUSTOMER, LINES)


def test_errors_contain_no_personal_data_and_no_key(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    easypost.refused["/shipments"] = (500, "INTERNAL_SERVER_ERROR")
    for asked, status in ((carrier, "500"), (carrier_of(easypost, "EZTK-of-another"), "401")):
        with pytest.raises(CarrierUnavailableError, match=status) as refused:
            asked.prepare(ORDER, CUSTOMER, LINES)
        assert not [word for word in ("Swan", "Harbor", "EZTK") if word in str(refused.value)]
        assert refused.value.__cause__ is None


def test_cancel_requests_the_refund_once(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    booking = prepared(carrier)
    carrier.cancel(booking)
    assert ("POST", f"/v2/shipments/{booking}/refund") not in easypost.requests, "nothing was bought"
    carrier.book(booking)
    carrier.cancel(booking)
    carrier.cancel(booking)
    assert easypost.requests.count(("POST", f"/v2/shipments/{booking}/refund")) == 1
    assert carrier.book(booking) is None, "a refunded label is not bought again"


@pytest.mark.parametrize(
    ("status", "parcel"),
    [
        ("unknown", ParcelStatus.ON_ITS_WAY),
        ("pre_transit", ParcelStatus.ON_ITS_WAY),
        ("in_transit", ParcelStatus.ON_ITS_WAY),
        ("out_for_delivery", ParcelStatus.ON_ITS_WAY),
        ("available_for_pickup", ParcelStatus.ON_ITS_WAY),
        ("error", ParcelStatus.ON_ITS_WAY),
        ("delivered", ParcelStatus.DELIVERED),
        ("return_to_sender", ParcelStatus.RETURNED),
        ("failure", ParcelStatus.RETURNED),
        ("cancelled", ParcelStatus.RETURNED),
    ],
)
def test_tracker_status_is_translated(easypost: EasyPost, carrier: EasyPostCarrier, status: str, parcel: ParcelStatus) -> None:
    booking = prepared(carrier)
    assert carrier.track(booking) == ParcelStatus.ON_ITS_WAY
    carrier.book(booking)
    easypost.shipments[booking]["tracker"]["status"] = status
    assert carrier.track(booking) == parcel
    headers, body = easypost.event(booking, "whatever the event says")
    assert carrier.parse_webhook(headers, body, NOW) == TrackingUpdate(ORDER, parcel, booking)


def test_recorded_event_returns_the_current_status(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    booking = prepared(carrier)
    carrier.book(booking)
    recorded = easypost.event(booking, "delivered")
    easypost.shipments[booking]["tracker"]["status"] = "return_to_sender"
    assert carrier.parse_webhook(*recorded, NOW) == TrackingUpdate(ORDER, ParcelStatus.RETURNED, booking)


def test_event_without_easyposts_signature_is_not_read(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    headers, body = easypost.event(prepared(carrier), "delivered")
    asked = len(easypost.requests)
    for forged in ({}, {"x-hmac-signature": "hmac-sha256-hex=0"}, {"x-hmac-signature": headers["x-hmac-signature"][:-1] + "é"}):
        with pytest.raises(InvalidSignatureError):
            carrier.parse_webhook(forged, body, NOW)
    with pytest.raises(InvalidSignatureError):
        carrier.parse_webhook(headers, body + " ", NOW)
    assert len(easypost.requests) == asked


def test_event_about_no_parcel_of_ours_is_ignored(easypost: EasyPost, carrier: EasyPostCarrier) -> None:
    booking = prepared(carrier)
    assert carrier.parse_webhook(*easypost.event(booking, "", description="batch.updated"), NOW) is None
    assert carrier.parse_webhook(*easypost.event("", "delivered"), NOW) is None
    assert carrier.parse_webhook(*easypost.event("shp_1/../../addresses", "delivered"), NOW) is None
    easypost.shipments[booking]["reference"] = "of another system"
    assert carrier.parse_webhook(*easypost.event(booking, "delivered"), NOW) is None


def test_malformed_signed_body_raises_value_error(carrier: EasyPostCarrier) -> None:
    for body in ("", "[]", "{}", '{"description": "tracker.updated", "result": null}'):
        with pytest.raises(ValueError, match="must be an EasyPost event"):
            carrier.parse_webhook(signed(body), body, NOW)


@pytest.fixture
def by_easypost(shipping: ShippingService, easypost: EasyPost) -> ShippingService:
    environ = {
        "CARRIER": "easypost",
        "EASYPOST_URL": easypost.url,
        "SHIP_FROM": json.dumps(SHOP),
        "GRAMS_PER_ITEM": "500",
        "CARRIER_API_KEY_ARN": "arn:key",
        "CARRIER_WEBHOOK_SECRET_ARN": "arn:webhook",
    }
    secrets = fake_secrets({"arn:key": API_KEY, "arn:webhook": WEBHOOK_SECRET})
    shipping.carrier = deployed_carrier(FakeClients(secrets=secrets), environ)
    shipping.confirmed(ORDER)
    return shipping


def test_another_parcel_with_the_orders_reference_delivers_nothing(by_easypost: ShippingService, easypost: EasyPost) -> None:
    """A label that was bought by hand, such as the one for a return."""
    by_easypost.sweep()
    ours = by_easypost.row()["booking"]
    by_hand = easypost.create({"reference": ORDER})["id"]
    easypost.buy(easypost.shipments[by_hand], "rate_Ground")
    for booking, outcome, status in ((by_hand, "IGNORED", "DISPATCHED"), (ours, "DELIVERED", "DELIVERED")):
        easypost.shipments[booking]["tracker"]["status"] = "delivered"
        headers, body = easypost.event(booking, "delivered")
        answer = CarrierWebhook(by_easypost.shipments, by_easypost.carrier).receive(headers, body, NOW)
        assert (json.loads(answer.body or "{}")["outcome"], by_easypost.row()["status"]) == (outcome, status)


def forgotten_during_the_purchase(by_easypost: ShippingService, easypost: EasyPost) -> dict[str, Any]:
    """Cut off the purchase of a label, then forget the customer: the shipment fails. Return EasyPost's shipment."""
    easypost.refused = {"/buy": (503, "")}
    by_easypost.sweep()
    easypost.refused = {}
    by_easypost.contacts.contacts.clear()
    by_easypost.sweep(after=timedelta(minutes=1))
    assert (by_easypost.row()["status"], easypost.sold) == ("FAILED", [])
    return easypost.shipments[by_easypost.row()["booking"]]


def refunds(easypost: EasyPost) -> int:
    return [path.rpartition("/")[2] for method, path in easypost.requests if method == "POST"].count("refund")


@pytest.mark.parametrize(("ends", "counted"), [("refunded", False), ("rejected", True)])
def test_label_bought_after_its_cancellation_is_refunded(
    by_easypost: ShippingService, easypost: EasyPost, capsys: pytest.CaptureFixture[str], ends: str, counted: bool
) -> None:
    shipment = forgotten_during_the_purchase(by_easypost, easypost)
    easypost.buy(shipment, "rate_Ground")  # the late request
    by_easypost.sweep(after=timedelta(minutes=3))
    assert (shipment["refund_status"], refunds(easypost)) == ("submitted", 1)
    assert [*faults_of("shipping", by_easypost.row())] == []
    by_easypost.sweep(after=timedelta(days=1))
    assert refunds(easypost) == 1
    shipment["refund_status"] = ends
    by_easypost.sweep(after=timedelta(days=1))
    assert "next_due" not in by_easypost.row()
    assert ('"LabelRefundRefused":[1' in capsys.readouterr().out) is counted
    assert by_easypost.bus.types == ["ShipmentCreated", "ShipmentFailed"], "to the order it failed once"


def test_refund_of_a_label_never_bought_is_checked_for_a_month(by_easypost: ShippingService, easypost: EasyPost) -> None:
    forgotten_during_the_purchase(by_easypost, easypost)
    looks = 0
    while "next_due" in by_easypost.row():
        asked = len(easypost.requests)
        by_easypost.sweep(after=timedelta(hours=12))
        looks += len(easypost.requests) - asked
    assert 25 < looks < 40
    assert refunds(easypost) == 0


def test_shipment_is_delivered_although_each_response_is_lost_once(
    by_easypost: ShippingService, easypost: EasyPost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    easypost.unheard = {"/shipments", "/buy"}
    for _ in range(3):
        by_easypost.sweep()
    assert by_easypost.published() == ["ShipmentCreated", "ShipmentDispatched"]
    row = by_easypost.row()
    assert easypost.sold == [row["booking"]], "two were prepared, one was bought"
    assert len(easypost.shipments) == 2
    easypost.shipments[row["booking"]]["tracker"]["status"] = "delivered"
    by_easypost.sweep(after=EasyPostCarrier.poll_interval)
    assert by_easypost.row()["status"] == "DELIVERED"
    assert not [word for word in ("Alice", "Main St", "EZTK") if word in caplog.text]
