"""The carrier's webhook accepts recent, signed news, and records each update once."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from kernel import webhooks
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.domain.carrier import CarrierUnavailableError, ParcelStatus
from tests.support import documented_api
from tests.support.choreography import ORDER
from tests.unit.shipping.conftest import SECRET, LateCarrier, ShippingService


def post_update(shipping: ShippingService, parcel: str = "DELIVERED", order_id: str = ORDER, **event: Any) -> dict[str, Any]:
    body = json.dumps({"order_id": order_id, "parcel": parcel})
    return post(shipping, body, webhooks.sign(SECRET, body, shipping.now), **event)


def post(shipping: ShippingService, body: str, signature: str | None, **event: Any) -> dict[str, Any]:
    """Return the webhook's response: the members of its body, its `status` and its `headers`."""
    request = {
        "version": "2.0",
        "rawPath": "/webhooks/carrier",
        "requestContext": {"http": {"method": "POST", "path": "/webhooks/carrier"}, "stage": "$default"},
        "headers": {"orderflow-signature": signature} if signature is not None else {},
        "body": body,
        "isBase64Encoded": False,
        **event,
    }
    response = shipping.post(request)
    path, headers, body_of = str(request["rawPath"]), response.get("headers", {}), json.loads(response["body"])
    documented_api.check("shipping", "POST", path, response["statusCode"], headers, body_of)
    return {**body_of, "status": response["statusCode"], "headers": headers}


@pytest.fixture
def dispatched(shipping: ShippingService, late: LateCarrier) -> ShippingService:
    shipping.confirmed(ORDER)
    shipping.sweep()
    return shipping


def test_repeated_update_delivers_the_parcel_once(dispatched: ShippingService) -> None:
    assert post_update(dispatched)["outcome"] == "DELIVERED"
    before = dispatched.row()
    assert (before["status"], "next_due" in before) == ("DELIVERED", False)
    assert post_update(dispatched)["outcome"] == "UNCHANGED"
    assert post_update(dispatched, "RETURNED")["outcome"] == "UNCHANGED", "a delivered parcel stays delivered"
    assert dispatched.row() == before
    assert dispatched.published() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_update_during_a_query_delivers_the_parcel_once(dispatched: ShippingService, late: LateCarrier) -> None:
    def track_during_an_update(booking: str) -> ParcelStatus:
        assert post_update(dispatched)["outcome"] == "DELIVERED"
        return SandboxCarrier(str).track(booking)

    late.track = track_during_an_update  # type: ignore[method-assign]
    assert dispatched.sweep(after=timedelta(minutes=1))["moved"] == 1
    assert dispatched.published() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_update_of_a_parcel_on_its_way_changes_nothing(dispatched: ShippingService) -> None:
    before = dispatched.row()
    assert post_update(dispatched, "ON_ITS_WAY")["outcome"] == "UNCHANGED"
    assert dispatched.row() == before


def test_returned_parcel_is_counted(dispatched: ShippingService, capsys: pytest.CaptureFixture[str]) -> None:
    assert post_update(dispatched, "RETURNED")["outcome"] == "UNCHANGED"
    assert '"ParcelReturned":[1' in capsys.readouterr().out
    assert dispatched.row()["status"] == "DISPATCHED"


def test_update_before_the_dispatch_is_written_gets_409(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    late.away = True
    for status in ("CREATED", "BOOKING"):
        assert shipping.row()["status"] == status
        response = post_update(shipping)
        assert (response["status"], response["type"]) == (409, "https://orderflow.dev/problems/not-dispatched")
        assert response["headers"]["Retry-After"] == "60"
        shipping.sweep()
    late.away = False
    shipping.sweep(after=timedelta(minutes=1))
    assert post_update(shipping)["outcome"] == "DELIVERED"


def test_update_of_an_unknown_order_is_ignored(shipping: ShippingService) -> None:
    assert post_update(shipping, order_id="ord-" + "b" * 26)["outcome"] == "IGNORED"


def test_recorded_update_is_refused_later(dispatched: ShippingService) -> None:
    body = json.dumps({"order_id": ORDER, "parcel": "DELIVERED"})
    recorded = webhooks.sign(SECRET, body, dispatched.now)
    dispatched.now += timedelta(minutes=6)
    refused = post(dispatched, body, recorded)
    assert (refused["status"], refused["type"]) == (400, "https://orderflow.dev/problems/signature-invalid")
    assert dispatched.row()["status"] == "DISPATCHED"


@pytest.mark.parametrize("signature", [None, "", "t=1,v1=00", "by another secret"])
def test_update_without_the_carriers_signature_is_refused(dispatched: ShippingService, signature: str | None) -> None:
    body = json.dumps({"order_id": ORDER, "parcel": "DELIVERED"})
    given = webhooks.sign("another", body, dispatched.now) if signature == "by another secret" else signature
    refused = post(dispatched, body, given)
    assert (refused["status"], refused["title"]) == (400, "Signature invalid")
    assert dispatched.row()["status"] == "DISPATCHED"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"order_id": "x"}', '{"order_id": "x", "parcel": "EATEN"}'])
def test_malformed_signed_body_gets_400(shipping: ShippingService, body: str) -> None:
    refused = post(shipping, body, webhooks.sign(SECRET, body, shipping.now))
    assert (refused["status"], refused["title"]) == (400, "Request invalid")
    assert refused["detail"] == "the body must be order_id and parcel, one of ON_ITS_WAY, DELIVERED, RETURNED"


def test_base64_body_is_decoded(dispatched: ShippingService) -> None:
    body = json.dumps({"order_id": ORDER, "parcel": "DELIVERED"})
    signature = webhooks.sign(SECRET, body, dispatched.now)
    encoded = base64.b64encode(body.encode()).decode()
    assert post(dispatched, encoded, signature, isBase64Encoded=True)["outcome"] == "DELIVERED"


def test_unavailable_carrier_gets_503(dispatched: ShippingService) -> None:
    class Away(SandboxCarrier):
        def parse_webhook(self, *_: Any) -> Any:
            raise CarrierUnavailableError

    dispatched.carrier = Away(str)
    response = post_update(dispatched)
    assert (response["status"], response["headers"]["Retry-After"]) == (503, "60")


def test_unknown_route_gets_404(shipping: ShippingService) -> None:
    context = {"http": {"method": "POST", "path": "/elsewhere"}, "stage": "$default"}
    assert post_update(shipping, rawPath="/elsewhere", requestContext=context)["status"] == 404
