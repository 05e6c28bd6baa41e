"""Whatever is posted to the carrier's webhook, it answers; and without the carrier's signature no shipment moves."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.shipping.functions import sweeper, webhook
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
def dispatched(
    shipping: ShippingService,
    easypost: EasyPost,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> ShippingService:
    """Return a shipment that EasyPost has delivered, without its webhook."""
    carrier = carrier_of(easypost)
    for module in (webhook, sweeper):
        monkeypatch.setattr(module, "carrier", lambda: carrier)
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert shipping.row()["status"] == "DISPATCHED"
    for shipment in easypost.shipments.values():
        shipment["tracker"]["status"] = "delivered"
    return shipping


def answer_to(body: str, headers: dict[str, str], encoded: bool = False) -> int:
    request = {
        "version": "2.0",
        "rawPath": "/webhooks/carrier",
        "requestContext": {"http": {"method": "POST", "path": "/webhooks/carrier"}, "stage": "$default"},
        "headers": headers,
        "body": body,
        "isBase64Encoded": encoded,
    }
    return int(webhook.handler(request, None)["statusCode"])


@ONCE
@given(
    body=texts_of(EVENT),
    headers=HEADERS,
    signature=st.none() | st.text() | st.text("hmac-sha256-hex=0123456789abcdef"),
    encoded=st.booleans(),
)
def test_nothing_moves_without_the_carriers_signature(
    dispatched: ShippingService, body: str, headers: dict[str, str], signature: str | None, encoded: bool
) -> None:
    before = dispatched.row()
    given_headers = headers if signature is None else {**headers, "x-hmac-signature": signature}
    assert answer_to(body, given_headers, encoded) == 400
    assert dispatched.row() == before


@ONCE
@given(body=texts_of(EVENT))
def test_any_signed_text_is_answered(dispatched: ShippingService, body: str) -> None:
    encodable = body.encode(errors="replace").decode()
    assert answer_to(encodable, signed(encodable)) in (200, 400, 503)
    assert dispatched.row()["status"] in ("DISPATCHED", "DELIVERED")
