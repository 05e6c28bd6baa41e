"""The carrier's webhook responds to any request, and moves no shipment without the carrier's signature."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulation.stage.providers.easypost_server import EasyPost, signed
from tests.support.any_json import HEADERS, objects, texts_of
from tests.support.choreography import ORDER
from tests.unit.shipping.conftest import ShippingService
from tests.unit.shipping.test_easypost_carrier import carrier_of, easypost  # noqa: F401 - a fixture

FOREIGN = "shp_" + "f" * 32
EVENT = objects({"description": ("tracker.updated", "tracker.created", "batch.updated"), "id": ("evt_1",)}).flatmap(
    lambda event: st.builds(
        lambda result: {**event, "result": result},
        objects({"shipment_id": (FOREIGN, "shp_" + "0" * 31 + "1", "../addresses", ""), "status": ("delivered",)}),
    )
)
ONCE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)


@pytest.fixture(autouse=True)
def dispatched(shipping: ShippingService, easypost: EasyPost) -> ShippingService:  # noqa: F811
    """Return a shipment that EasyPost has delivered, without its webhook."""
    shipping.carrier = carrier_of(easypost)
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert shipping.row()["status"] == "DISPATCHED"
    for shipment in easypost.shipments.values():
        shipment["tracker"]["status"] = "delivered"
    return shipping


def status_of(shipping: ShippingService, body: str, headers: dict[str, str], encoded: bool = False) -> int:
    """Return the HTTP status of the webhook's response."""
    request = {
        "version": "2.0",
        "rawPath": "/webhooks/carrier",
        "requestContext": {"http": {"method": "POST", "path": "/webhooks/carrier"}, "stage": "$default"},
        "headers": headers,
        "body": body,
        "isBase64Encoded": encoded,
    }
    return int(shipping.post(request)["statusCode"])


@ONCE
@given(
    body=texts_of(EVENT),
    headers=HEADERS,
    signature=st.none() | st.text() | st.text("hmac-sha256-hex=0123456789abcdef"),
    encoded=st.booleans(),
)
def test_unsigned_request_moves_no_shipment(
    dispatched: ShippingService, body: str, headers: dict[str, str], signature: str | None, encoded: bool
) -> None:
    before = dispatched.row()
    given_headers = headers if signature is None else {**headers, "x-hmac-signature": signature}
    assert status_of(dispatched, body, given_headers, encoded) == 400
    assert dispatched.row() == before


@ONCE
@given(body=texts_of(EVENT))
def test_any_signed_text_gets_a_response(dispatched: ShippingService, body: str) -> None:
    encodable = body.encode(errors="replace").decode()
    assert status_of(dispatched, encodable, signed(encodable)) in (200, 400, 503)
    assert dispatched.row()["status"] in ("DISPATCHED", "DELIVERED")
