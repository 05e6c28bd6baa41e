"""The sweeper books parcels with the carrier and queries them; a failure of one harms no other."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from kernel.contact import Contact
from kernel.relay import BusUnavailableError
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.domain.carrier import ParcelStatus
from services.shipping.functions.sweeper import LEFT_TO_THE_QUEUE
from tests.support.choreography import ADDRESS, ALICE, ORDER
from tests.support.fake_clients import FakeClients
from tests.unit.shipping.conftest import TRANSIT, LateCarrier, ShippingService, order_ids

MINUTE = timedelta(minutes=1)


def test_shipment_is_dispatched_then_delivered_then_not_swept(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    assert shipping.sweep() == {"moved": 1, "failed": 0, "republished": 0}
    row = shipping.row()
    assert (row["status"], row["next_due"]) == ("DISPATCHED", "2026-11-23T12:00:30.000Z")
    assert row["tracking"].startswith("SBX-")
    assert shipping.sweep()["moved"] == 0
    assert shipping.sweep(after=TRANSIT)["moved"] == 1
    row = shipping.row()
    assert row["status"] == "DELIVERED"
    assert not {"next_due", "due_shard"} & set(row)
    contacted = len(shipping.contacts.asked)
    assert shipping.sweep(after=MINUTE)["moved"] == 0
    assert len(shipping.contacts.asked) == contacted == 1


def test_each_step_publishes_one_event_with_its_cause(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    shipping.sweep(after=TRANSIT)
    assert shipping.published() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]
    _, dispatched, delivered = (event["detail"] for event in shipping.events())
    assert dispatched["data"] == delivered["data"] == {"tracking": shipping.row()["tracking"]}
    assert dispatched["metadata"]["causation_id"] == f"SHIP#{ORDER}#1"
    assert delivered["metadata"]["causation_id"] == dispatched["metadata"]["event_id"] == f"SHIP#{ORDER}#3"


def test_missing_address_fails_the_shipment(shipping: ShippingService) -> None:
    shipping.contacts.contacts.clear()
    shipping.confirmed(ORDER)
    assert shipping.sweep()["moved"] == 1
    row = shipping.row()
    assert (row["status"], row["reason"]) == ("FAILED", "NO_ADDRESS")
    assert "next_due" not in row
    assert shipping.events()[-1]["detail"]["data"] == {"reason": "NO_ADDRESS"}


def test_missing_contact_of_a_young_order_is_retried(shipping: ShippingService) -> None:
    shipping.contacts.contacts.clear()
    shipping.contacts.young = {ORDER}
    shipping.confirmed(ORDER)
    assert shipping.sweep() == {"moved": 0, "failed": 0, "republished": 0}
    assert shipping.row()["status"] == "CREATED"
    shipping.contacts.contacts[ORDER] = ALICE
    assert shipping.sweep(after=MINUTE)["moved"] == 1
    assert shipping.row()["status"] == "DISPATCHED"


def test_address_out_of_reach_fails_the_shipment(shipping: ShippingService) -> None:
    shipping.contacts.contacts[ORDER] = {**ALICE, "address": {**ADDRESS, "country": "AQ"}}
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert (shipping.row()["status"], shipping.row()["reason"]) == ("FAILED", "CARRIER_REFUSED")


def test_failed_contact_query_leaves_the_shipment_due(shipping: ShippingService) -> None:
    shipping.contacts.broken = {ORDER}
    shipping.confirmed(ORDER)
    assert shipping.sweep() == {"moved": 0, "failed": 1, "republished": 0}
    assert shipping.row()["status"] == "CREATED"
    shipping.contacts.broken = set()
    assert shipping.sweep(after=MINUTE)["moved"] == 1
    assert shipping.row()["status"] == "DISPATCHED"


def test_failed_shipments_stop_no_other_and_come_last_next_time(shipping: ShippingService) -> None:
    bad, good = order_ids(3), order_ids(9)[3:]
    shipping.contacts.broken = set(bad)
    shipping.contacts.contacts |= dict.fromkeys(good, ALICE)
    shipping.confirmed(*bad)
    shipping.now += timedelta(seconds=20)
    shipping.confirmed(*good)
    assert shipping.sweep(after=timedelta(seconds=20)) == {"moved": 6, "failed": 3, "republished": 0}
    assert {shipping.row(order_id)["next_due"] for order_id in bad} == {"2026-11-23T12:00:40.000Z"}


def test_scheduled_sweep_leaves_a_young_shipment_to_the_queue(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    assert shipping.scheduled_sweep(after=LEFT_TO_THE_QUEUE - timedelta(seconds=1))["moved"] == 0
    assert shipping.scheduled_sweep(after=timedelta(seconds=1))["moved"] == 1


def test_sweep_ends_with_its_budget_and_the_next_continues(shipping: ShippingService) -> None:
    many = order_ids(4)
    shipping.contacts.contacts |= dict.fromkeys(many, ALICE)
    shipping.confirmed(*many)
    invoke = shipping.contacts.invoke

    def slow(**call: Any) -> dict[str, Any]:
        shipping.now += timedelta(seconds=20)
        return invoke(**call)

    shipping.contacts.invoke = slow  # type: ignore[method-assign]
    assert shipping.sweep()["moved"] == 2
    assert shipping.sweep()["moved"] == 2
    assert all("tracking" in shipping.row(order_id) for order_id in many)


def test_parcel_on_its_way_is_queried_again(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert shipping.sweep(after=TRANSIT + MINUTE) == {"moved": 0, "failed": 0, "republished": 0}
    assert shipping.row()["status"] == "DISPATCHED"
    assert shipping.row()["next_due"] == "2026-11-23T12:01:30.000Z"


def test_returned_parcel_is_counted_at_every_query(
    shipping: ShippingService, late: LateCarrier, capsys: pytest.CaptureFixture[str]
) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    late.parcel = ParcelStatus.RETURNED
    for _ in range(2):
        assert shipping.sweep(after=TRANSIT) == {"moved": 0, "failed": 0, "republished": 0}
        assert '"ParcelReturned":[1' in capsys.readouterr().out
    assert shipping.row()["status"] == "DISPATCHED"


def test_row_that_only_a_stale_index_calls_due_is_not_moved(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert not shipping.steps().move(ORDER)
    shipping.sweep(after=TRANSIT)
    assert not shipping.steps().move(ORDER)
    assert shipping.published() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_overlapping_sweeps_move_a_shipment_once(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    invoke = shipping.contacts.invoke
    nested: list[dict[str, int]] = []

    def invoke_during_a_sweep(**call: Any) -> dict[str, Any]:
        if not nested:
            nested.append({})
            nested[0] = shipping.sweep()
        return invoke(**call)

    shipping.contacts.invoke = invoke_during_a_sweep  # type: ignore[method-assign]
    assert shipping.sweep()["moved"] == 0
    assert nested[0]["moved"] == 1
    assert late.prepared == [ORDER, ORDER], "`prepare` has no side effects"
    assert late.booked == ["booking-1"], "the second sweep finds the row BOOKING"
    assert shipping.published() == ["ShipmentCreated", "ShipmentDispatched"]


def test_lost_response_to_the_dispatch_write_dispatches_once(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    lost: list[str] = []

    def lose_answer(**_: Any) -> None:
        lost.append("answer")
        if len(lost) == 2:  # the first was the response to `book`
            raise ConnectionResetError

    shipping.clients.dynamodb.meta.events.register("after-call.dynamodb.UpdateItem", lose_answer)
    assert shipping.sweep()["failed"] == 1
    row = shipping.row()
    assert (row["status"], row["next_due"]) == ("DISPATCHED", "2026-11-23T12:00:30.000Z"), "and is not due any sooner"
    assert shipping.sweep(after=TRANSIT)["moved"] == 1
    assert shipping.published() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_crash_during_booking_books_the_same_booking_again(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    late.away = True
    assert shipping.sweep() == {"moved": 0, "failed": 1, "republished": 0}
    assert shipping.row()["status"] == "BOOKING"
    late.away = False
    assert shipping.sweep(after=timedelta(minutes=1))["moved"] == 1
    assert shipping.published() == ["ShipmentCreated", "ShipmentDispatched"]
    assert (late.prepared, late.booked) == ([ORDER], ["booking-1"]), "the stored booking is booked again"


def test_customer_forgotten_during_booking_cancels_it(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    late.away = True
    shipping.sweep()
    late.away = False
    shipping.contacts.contacts.clear()
    assert shipping.sweep(after=timedelta(minutes=1))["moved"] == 1
    assert (shipping.row()["status"], shipping.row()["reason"]) == ("FAILED", "NO_ADDRESS")
    assert late.cancelled == ["booking-1"]


def test_stale_outbox_is_republished(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    assert shipping.sweep(after=timedelta(seconds=121))["republished"] == 2
    assert shipping.bus.types == ["ShipmentCreated", "ShipmentDispatched"]


def test_unavailable_bus_stops_no_shipment(shipping: ShippingService) -> None:
    class Down:
        def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803
            raise EndpointConnectionError(endpoint_url="https://events")

    shipping.confirmed(ORDER)
    shipping.clients = FakeClients(functions=shipping.contacts, events=Down())
    with pytest.raises(BusUnavailableError):
        shipping.sweep(after=timedelta(minutes=3))
    assert shipping.row()["status"] == "DISPATCHED"


def test_address_is_neither_stored_nor_logged(shipping: ShippingService, caplog: pytest.LogCaptureFixture) -> None:
    shipping.contacts.broken = {ORDER}
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert "ContactUnavailableError" in caplog.text
    shipping.contacts.broken = set()
    shipping.sweep(after=MINUTE)
    for text in (caplog.text, str(shipping.shipments.client.scan(TableName="shipments")["Items"])):
        assert not [word for word in ("Alice", "alice@example.com", "Springfield", "Main St") if word in text]


def test_sandbox_books_an_order_once() -> None:
    carrier = SandboxCarrier(lambda: "of no use here")
    moved = Contact("Alice", "alice@example.com", {**ADDRESS, "city": "Shelbyville"})
    assert carrier.prepare(ORDER, moved, ()) == ORDER
    assert carrier.book(ORDER) == carrier.book(ORDER)
    assert carrier.book(ORDER) != carrier.book("ord-" + "b" * 26)
