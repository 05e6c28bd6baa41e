"""The bookings queue has each created shipment booked at once, and once."""

from datetime import timedelta
from typing import Any

from services.shipping.domain.carrier import CarrierUnavailableError
from services.shipping.functions.sweeper import LEFT_TO_THE_QUEUE
from tests.support.choreography import ALICE, CONFIRMED, ORDER, an_event
from tests.unit.shipping.conftest import TRANSIT, LateCarrier, ShippingService

CREATED = an_event("shipping", "ShipmentCreated")
DONE: dict[str, Any] = {"batchItemFailures": []}


def test_created_shipment_is_booked_by_its_message(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    assert shipping.receives_bookings(CREATED) == DONE
    assert shipping.published() == ["ShipmentCreated", "ShipmentDispatched"]


def test_repeated_message_books_nothing_more(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    assert shipping.receives_bookings(CREATED, CREATED) == DONE
    shipping.now += TRANSIT + timedelta(days=1)
    assert shipping.receives_bookings(CREATED) == DONE
    assert (late.prepared, late.booked) == ([ORDER], ["booking-1"])
    assert shipping.row()["status"] == "DISPATCHED"


def test_two_deliveries_side_by_side_book_one_parcel(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    invoke = shipping.contacts.invoke
    nested: list[dict[str, Any]] = []

    def invoke_during_a_delivery(**call: Any) -> dict[str, Any]:
        if not nested:
            nested.append({})
            nested[0] = shipping.receives_bookings(CREATED)
        return invoke(**call)

    shipping.contacts.invoke = invoke_during_a_delivery  # type: ignore[method-assign]
    assert shipping.receives_bookings(CREATED) == nested[0] == DONE
    assert late.booked == ["booking-1"]
    assert shipping.published() == ["ShipmentCreated", "ShipmentDispatched"]


def test_message_without_a_shipment_is_done_with(shipping: ShippingService, late: LateCarrier) -> None:
    assert shipping.receives_bookings(CREATED) == DONE
    assert late.prepared == []


def test_cancelled_shipment_is_not_booked(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    shipping.contacts.facts["order"] = {**CONFIRMED, "status": "CANCEL_REQUESTED"}
    shipping.receives_cancellations(an_event("order", "OrderCancelRequested"))
    assert shipping.receives_bookings(CREATED) == DONE
    assert late.prepared == []


def test_message_is_not_acknowledged_before_the_booking_is_recorded(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    late.away = True
    assert shipping.receives_bookings(CREATED)["batchItemFailures"] != []
    assert shipping.row()["status"] == "BOOKING"
    late.away = False
    assert shipping.receives_bookings(CREATED) == DONE
    assert (late.prepared, late.booked) == ([ORDER], ["booking-1"]), "the stored booking is booked again"


def test_failed_preparation_leaves_the_shipment_to_the_retry_and_the_sweeper(shipping: ShippingService) -> None:
    def unavailable(*_: object) -> None:
        raise CarrierUnavailableError

    prepare, shipping.carrier.prepare = shipping.carrier.prepare, unavailable  # type: ignore[method-assign,assignment]
    shipping.confirmed(ORDER)
    assert shipping.receives_bookings(CREATED)["batchItemFailures"] != []
    assert shipping.row()["status"] == "CREATED"
    shipping.carrier.prepare = prepare  # type: ignore[method-assign]
    assert shipping.scheduled_sweep(after=LEFT_TO_THE_QUEUE)["moved"] == 1


def test_young_order_without_a_contact_is_left_to_the_sweeper(shipping: ShippingService) -> None:
    shipping.contacts.contacts.clear()
    shipping.contacts.young = {ORDER}
    shipping.confirmed(ORDER)
    assert shipping.receives_bookings(CREATED) == DONE
    shipping.contacts.contacts[ORDER] = ALICE
    assert shipping.scheduled_sweep(after=timedelta(minutes=3))["moved"] == 1


def test_replay_books_only_to_catch_up(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    shipping.receives_bookings({**CREATED, "replay-name": "monday"})
    assert late.booked == []
    shipping.receives_bookings({**CREATED, "replay-name": "orderflow-catch-up-monday"})
    assert late.booked == ["booking-1"]
