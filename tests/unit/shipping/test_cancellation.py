"""A parcel stays here when its order is to be cancelled, unless the carrier may have it."""

from typing import Any

import pytest

from kernel.aggregate_store import Row
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.domain.carrier import CarrierUnavailableError
from services.shipping.functions import cancellation, sweeper
from services.shipping.storage import table
from tests.support.choreography import CONFIRMED, ORDER, OtherServices, an_event, batch
from tests.unit.shipping.conftest import TRANSIT, ShippingService

REQUESTED = an_event("order", "OrderCancelRequested")


@pytest.fixture(autouse=True)
def requested(shipping: ShippingService) -> OtherServices:
    shipping.contacts.facts["order"] = {**CONFIRMED, "status": "CANCEL_REQUESTED"}
    return shipping.contacts


def asked_to_cancel(*, replay_name: str | None = None) -> None:
    envelope = {**REQUESTED, "replay-name": replay_name} if replay_name else REQUESTED
    assert cancellation.handler(batch(envelope), None) == {"batchItemFailures": []}


def test_a_parcel_that_has_not_gone_stays(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    asked_to_cancel()
    assert shipping.told() == ["ShipmentCreated", "ShipmentCancelled"]
    assert shipping.sweep()["moved"] == 0
    assert "next_due" not in shipping.row()


def test_it_is_told_once_however_often_it_is_asked(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    asked_to_cancel()
    before = shipping.row()
    asked_to_cancel()
    asked_to_cancel(replay_name="monday")
    assert shipping.row() == before


def test_a_request_before_the_shipment_refuses_the_late_one(shipping: ShippingService) -> None:
    asked_to_cancel()
    shipping.confirmed(ORDER)
    assert shipping.told() == ["ShipmentCancelled"]
    assert "lines" not in shipping.row()


def test_a_parcel_that_has_gone_goes_on(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    asked_to_cancel()
    shipping.sweep(after=TRANSIT)
    assert shipping.told() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_while_the_carrier_is_asked_it_is_too_late(shipping: ShippingService, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked(SandboxCarrier):
        def book(self, booking: str) -> str | None:
            asked_to_cancel()
            raise CarrierUnavailableError

    monkeypatch.setattr(sweeper, "carrier", lambda: Asked(str))
    shipping.confirmed(ORDER)
    assert shipping.sweep()["failed"] == 1
    assert status() == "BOOKING"
    monkeypatch.setattr(sweeper, "carrier", lambda: SandboxCarrier(str))
    shipping.sweep()
    assert status() == "DISPATCHED"


def test_a_sweep_that_read_before_the_request_writes_nothing_after_it(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    ask = shipping.contacts.invoke

    def asked_meanwhile(**call: Any) -> dict[str, Any]:
        if call["FunctionName"] == "contact-function":
            asked_to_cancel()
        return ask(**call)

    shipping.contacts.invoke = asked_meanwhile  # type: ignore[method-assign]
    assert shipping.sweep()["moved"] == 0
    assert status() == "CANCELLED"


def status() -> str:
    row: Row | None = table.shipments().get(ORDER)
    assert row
    return str(row["status"])
