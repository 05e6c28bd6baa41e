"""A shipment is cancelled when its order is to be cancelled, unless the carrier may have its parcel."""

from typing import Any

import pytest

from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.domain.carrier import CarrierUnavailableError
from tests.support.choreography import CONFIRMED, ORDER, an_event
from tests.unit.shipping.conftest import TRANSIT, ShippingService

REQUESTED = an_event("order", "OrderCancelRequested")


@pytest.fixture(autouse=True)
def order_to_be_cancelled(shipping: ShippingService) -> None:
    shipping.contacts.facts["order"] = {**CONFIRMED, "status": "CANCEL_REQUESTED"}


def request_cancellation(shipping: ShippingService, *, replay_name: str | None = None) -> None:
    envelope = {**REQUESTED, "replay-name": replay_name} if replay_name else REQUESTED
    assert shipping.receives_cancellations(envelope) == {"batchItemFailures": []}


def test_request_cancels_a_created_shipment(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    request_cancellation(shipping)
    assert shipping.published() == ["ShipmentCreated", "ShipmentCancelled"]
    assert shipping.sweep()["moved"] == 0
    assert "next_due" not in shipping.row()


def test_repeated_request_has_no_effect(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    request_cancellation(shipping)
    before = shipping.row()
    request_cancellation(shipping)
    request_cancellation(shipping, replay_name="monday")
    assert shipping.row() == before


def test_request_before_the_shipment_leaves_a_tombstone(shipping: ShippingService) -> None:
    request_cancellation(shipping)
    shipping.confirmed(ORDER)
    assert shipping.published() == ["ShipmentCancelled"]
    assert "lines" not in shipping.row()


def test_dispatched_parcel_is_delivered_after_a_request(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    request_cancellation(shipping)
    shipping.sweep(after=TRANSIT)
    assert shipping.published() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_request_during_the_booking_is_too_late(shipping: ShippingService) -> None:
    class UnreachableOnceBooked(SandboxCarrier):
        def book(self, booking: str) -> str | None:
            request_cancellation(shipping)
            raise CarrierUnavailableError

    shipping.carrier = UnreachableOnceBooked(str)
    shipping.confirmed(ORDER)
    assert shipping.sweep()["failed"] == 1
    assert shipping.row()["status"] == "BOOKING"
    shipping.carrier = SandboxCarrier(str)
    shipping.sweep()
    assert shipping.row()["status"] == "DISPATCHED"


def test_sweep_that_read_before_the_request_writes_nothing_after_it(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    invoke = shipping.contacts.invoke

    def invoke_during_request(**call: Any) -> dict[str, Any]:
        if call["FunctionName"] == "contact-function":
            request_cancellation(shipping)
        return invoke(**call)

    shipping.contacts.invoke = invoke_during_request  # type: ignore[method-assign]
    assert shipping.sweep()["moved"] == 0
    assert shipping.row()["status"] == "CANCELLED"
