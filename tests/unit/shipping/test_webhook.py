"""The carrier's webhook: signed, of now, and whatever it tells is done once."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from kernel import webhooks
from services.shipping.carriers import factory
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.domain.carrier import CarrierUnavailableError
from services.shipping.functions import webhook
from tests.support import documented_api
from tests.support.choreography import ORDER
from tests.unit.shipping.conftest import LateCarrier, ShippingService

SECRET = "shared-with-the-carrier"


@pytest.fixture(autouse=True)
def shared_secret(shipping: ShippingService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARRIER_WEBHOOK_SECRET_ARN", "arn:secret")
    monkeypatch.setattr(factory, "secret", {"arn:secret": SECRET}.__getitem__)


def told(shipping: ShippingService, parcel: str = "DELIVERED", order_id: str = ORDER, **event: Any) -> dict[str, Any]:
    body = json.dumps({"order_id": order_id, "parcel": parcel})
    return post(body, webhooks.sign(SECRET, body, shipping.now), **event)


def post(body: str, signature: str | None, **event: Any) -> dict[str, Any]:
    request = {
        "version": "2.0",
        "rawPath": "/webhooks/carrier",
        "requestContext": {"http": {"method": "POST", "path": "/webhooks/carrier"}, "stage": "$default"},
        "headers": {"orderflow-signature": signature} if signature is not None else {},
        "body": body,
        "isBase64Encoded": False,
        **event,
    }
    answer = webhook.handler(request, None)
    path, headers, said = str(request["rawPath"]), answer.get("headers", {}), json.loads(answer["body"])
    documented_api.check("shipping", "POST", path, answer["statusCode"], headers, said)
    return {**said, "status": answer["statusCode"], "headers": headers}


@pytest.fixture
def dispatched(shipping: ShippingService, late: LateCarrier) -> ShippingService:
    shipping.confirmed(ORDER)
    shipping.sweep()
    return shipping


def test_a_parcel_is_delivered_once_however_often_it_is_told(dispatched: ShippingService) -> None:
    assert told(dispatched)["outcome"] == "DELIVERED"
    before = dispatched.row()
    assert (before["status"], "next_due" in before) == ("DELIVERED", False)
    assert told(dispatched)["outcome"] == "UNCHANGED"
    assert told(dispatched, "RETURNED")["outcome"] == "UNCHANGED", "what is delivered stays delivered"
    assert dispatched.row() == before
    assert dispatched.told() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_told_and_asked_at_once_it_is_delivered_once(dispatched: ShippingService, late: LateCarrier) -> None:
    def asked_as_it_is_told(booking: str) -> Any:
        assert told(dispatched)["outcome"] == "DELIVERED"
        return SandboxCarrier(str).find(booking)

    late.find = asked_as_it_is_told  # type: ignore[method-assign]
    assert dispatched.sweep(after=timedelta(minutes=1))["moved"] == 1
    assert dispatched.told() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_what_is_on_its_way_stays_so(dispatched: ShippingService) -> None:
    before = dispatched.row()
    assert told(dispatched, "ON_ITS_WAY")["outcome"] == "UNCHANGED"
    assert dispatched.row() == before


def test_a_parcel_that_comes_back_is_counted(dispatched: ShippingService, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(dispatched, "RETURNED")["outcome"] == "UNCHANGED"
    assert '"ParcelReturned":[1' in capsys.readouterr().out
    assert dispatched.row()["status"] == "DISPATCHED"


def test_a_carrier_quicker_than_our_writing_down_is_asked_to_tell_it_again(
    shipping: ShippingService, late: LateCarrier
) -> None:
    shipping.confirmed(ORDER)
    late.away = True
    for status in ("CREATED", "BOOKING"):
        assert shipping.row()["status"] == status
        answer = told(shipping)
        assert (answer["status"], answer["type"]) == (409, "https://orderflow.dev/problems/not-dispatched")
        assert answer["headers"]["Retry-After"] == "60"
        shipping.sweep()
    late.away = False
    shipping.sweep(after=timedelta(minutes=1))
    assert told(shipping)["outcome"] == "DELIVERED"


def test_an_order_we_do_not_ship_is_let_pass(shipping: ShippingService) -> None:
    assert told(shipping, order_id="ord-" + "b" * 26)["outcome"] == "IGNORED"


def test_what_was_overheard_is_refused_later(dispatched: ShippingService) -> None:
    body = json.dumps({"order_id": ORDER, "parcel": "DELIVERED"})
    overheard = webhooks.sign(SECRET, body, dispatched.now)
    dispatched.now += timedelta(minutes=6)
    refused = post(body, overheard)
    assert (refused["status"], refused["type"]) == (400, "https://orderflow.dev/problems/signature-invalid")
    assert dispatched.row()["status"] == "DISPATCHED"


@pytest.mark.parametrize("signature", [None, "", "t=1,v1=00", "by another secret"])
def test_what_the_carrier_did_not_sign_is_refused(dispatched: ShippingService, signature: str | None) -> None:
    body = json.dumps({"order_id": ORDER, "parcel": "DELIVERED"})
    given = webhooks.sign("another", body, dispatched.now) if signature == "by another secret" else signature
    refused = post(body, given)
    assert (refused["status"], refused["title"]) == (400, "Signature invalid")
    assert dispatched.row()["status"] == "DISPATCHED"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"order_id": "x"}', '{"order_id": "x", "parcel": "EATEN"}'])
def test_a_signed_body_of_another_form_is_told_so(shipping: ShippingService, body: str) -> None:
    refused = post(body, webhooks.sign(SECRET, body, shipping.now))
    assert (refused["status"], refused["title"]) == (400, "Request invalid")
    assert refused["detail"] == "the body must be order_id and parcel, one of ON_ITS_WAY, DELIVERED, RETURNED"


def test_a_body_in_base64_is_the_same_body(dispatched: ShippingService) -> None:
    body = json.dumps({"order_id": ORDER, "parcel": "DELIVERED"})
    signature = webhooks.sign(SECRET, body, dispatched.now)
    encoded = base64.b64encode(body.encode()).decode()
    assert post(encoded, signature, isBase64Encoded=True)["outcome"] == "DELIVERED"


def test_a_carrier_that_cannot_be_asked_is_asked_to_tell_it_again(
    dispatched: ShippingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(SandboxCarrier):
        def hear(self, *_: Any) -> Any:
            raise CarrierUnavailableError

    monkeypatch.setattr(webhook, "carrier", lambda: Away(str))
    answer = told(dispatched)
    assert (answer["status"], answer["headers"]["Retry-After"]) == (503, "60")


def test_another_route_is_none(shipping: ShippingService) -> None:
    context = {"http": {"method": "POST", "path": "/elsewhere"}, "stage": "$default"}
    assert told(shipping, rawPath="/elsewhere", requestContext=context)["status"] == 404
