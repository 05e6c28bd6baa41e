"""The sweeper hands parcels to the carrier and asks about them, whatever happens to one of them."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from kernel import clients
from kernel.contact import Addressed, Contact
from kernel.relay import BusUnavailableError
from services.shipping.carriers.sandbox import SandboxCarrier
from services.shipping.domain.carrier import Parcel
from services.shipping.functions import sweeper
from services.shipping.storage import table
from tests.support.choreography import ADDRESS, ALICE, CONFIRMED, ORDER
from tests.unit.shipping.conftest import TRANSIT, LateCarrier, ShippingService

MINUTE = timedelta(minutes=1)


def order_ids(count: int) -> list[str]:
    """Orders of all shards."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return ["ord-" + letters[n // 26] * 25 + letters[n % 26] for n in range(count)]


def test_a_shipment_is_dispatched_then_delivered_then_left_alone(shipping: ShippingService) -> None:
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


def test_it_tells_each_step_once_and_what_led_to_it(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    shipping.sweep(after=TRANSIT)
    assert shipping.told() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]
    _, dispatched, delivered = (event["detail"] for event in shipping.events())
    assert dispatched["data"] == delivered["data"] == {"tracking": shipping.row()["tracking"]}
    assert dispatched["metadata"]["causation_id"] == f"SHIP#{ORDER}#1"
    assert delivered["metadata"]["causation_id"] == dispatched["metadata"]["event_id"] == f"SHIP#{ORDER}#3"


def test_without_an_address_it_fails(shipping: ShippingService) -> None:
    shipping.contacts.contacts.clear()
    shipping.confirmed(ORDER)
    assert shipping.sweep()["moved"] == 1
    row = shipping.row()
    assert (row["status"], row["reason"]) == ("FAILED", "NO_ADDRESS")
    assert "next_due" not in row
    assert shipping.events()[-1]["detail"]["data"] == {"reason": "NO_ADDRESS"}


def test_a_young_order_whose_contact_is_not_there_yet_is_looked_at_again(shipping: ShippingService) -> None:
    shipping.contacts.contacts.clear()
    shipping.contacts.young = {ORDER}
    shipping.confirmed(ORDER)
    assert shipping.sweep() == {"moved": 0, "failed": 0, "republished": 0}
    assert shipping.row()["status"] == "CREATED"
    shipping.contacts.contacts[ORDER] = ALICE
    assert shipping.sweep(after=MINUTE)["moved"] == 1
    assert shipping.row()["status"] == "DISPATCHED"


def test_where_the_carrier_does_not_go_it_fails(shipping: ShippingService) -> None:
    shipping.contacts.contacts[ORDER] = {**ALICE, "address": {**ADDRESS, "country": "AQ"}}
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert (shipping.row()["status"], shipping.row()["reason"]) == ("FAILED", "CARRIER_REFUSED")


def test_an_address_that_cannot_be_asked_for_is_no_missing_address(shipping: ShippingService) -> None:
    shipping.contacts.broken = {ORDER}
    shipping.confirmed(ORDER)
    assert shipping.sweep() == {"moved": 0, "failed": 1, "republished": 0}
    assert shipping.row()["status"] == "CREATED"
    shipping.contacts.broken = set()
    assert shipping.sweep(after=MINUTE)["moved"] == 1
    assert shipping.row()["status"] == "DISPATCHED"


def test_bad_shipments_keep_none_from_moving_and_come_last_the_next_time(shipping: ShippingService) -> None:
    bad, good = order_ids(3), order_ids(9)[3:]
    shipping.contacts.broken = set(bad)
    shipping.contacts.contacts |= dict.fromkeys(good, ALICE)
    shipping.confirmed(*bad)
    shipping.now += timedelta(seconds=20)
    shipping.confirmed(*good)
    assert shipping.sweep(after=timedelta(seconds=20)) == {"moved": 6, "failed": 3, "republished": 0}
    assert {shipping.row(order_id)["next_due"] for order_id in bad} == {"2026-11-23T12:00:40.000Z"}


def test_more_than_a_share_is_swept_at_once(shipping: ShippingService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "PER_SHARD", 2)
    many = order_ids(20)
    shipping.contacts.contacts |= dict.fromkeys(many, ALICE)
    shipping.confirmed(*many)
    assert shipping.sweep()["moved"] == 20


def test_a_sweep_ends_with_its_time_and_the_next_goes_on(shipping: ShippingService, monkeypatch: pytest.MonkeyPatch) -> None:
    many = order_ids(4)
    shipping.contacts.contacts |= dict.fromkeys(many, ALICE)
    shipping.confirmed(*many)

    def slow(order_id: str, function_arn: str) -> Addressed:
        shipping.now += timedelta(seconds=20)
        return Addressed(CONFIRMED, Contact("Alice", "alice@example.com", ADDRESS))

    monkeypatch.setattr(sweeper, "contact_of", slow)
    assert shipping.sweep()["moved"] == 2
    assert shipping.sweep()["moved"] == 2
    assert all("tracking" in shipping.row(order_id) for order_id in many)


def test_a_parcel_still_on_its_way_is_asked_about_again(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert shipping.sweep(after=TRANSIT + MINUTE) == {"moved": 0, "failed": 0, "republished": 0}
    assert shipping.row()["status"] == "DISPATCHED"
    assert shipping.row()["next_due"] == "2026-11-23T12:01:30.000Z"


def test_a_parcel_that_comes_back_is_told_of_until_somebody_acts(
    shipping: ShippingService, late: LateCarrier, capsys: pytest.CaptureFixture[str]
) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    late.parcel = Parcel.RETURNED
    for _ in range(2):
        assert shipping.sweep(after=TRANSIT) == {"moved": 0, "failed": 0, "republished": 0}
        assert '"ParcelReturned":[1' in capsys.readouterr().out
    assert shipping.row()["status"] == "DISPATCHED"


def test_what_a_late_index_still_calls_due_is_left_alone(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert not sweeper.move(ORDER)
    shipping.sweep(after=TRANSIT)
    assert not sweeper.move(ORDER)
    assert shipping.told() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_a_second_sweep_amid_the_first_moves_it_once(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    ask = shipping.contacts.invoke
    nested: list[dict[str, int]] = []

    def asked_twice(**call: Any) -> dict[str, Any]:
        if not nested:
            nested.append({})
            nested[0] = shipping.sweep()
        return ask(**call)

    shipping.contacts.invoke = asked_twice  # type: ignore[method-assign]
    assert shipping.sweep()["moved"] == 0
    assert nested[0]["moved"] == 1
    assert late.prepared == [ORDER, ORDER], "to prepare binds nobody"
    assert late.booked == ["booking-1"], "who comes second finds that the carrier is being asked"
    assert shipping.told() == ["ShipmentCreated", "ShipmentDispatched"]


def test_a_dispatch_whose_answer_was_lost_is_dispatched_once(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    lost: list[str] = []

    def lose_answer(**_: Any) -> None:
        lost.append("answer")
        if len(lost) == 2:  # the first was that to the intent
            raise ConnectionResetError

    clients.dynamodb().meta.events.register("after-call.dynamodb.UpdateItem", lose_answer)
    assert shipping.sweep()["failed"] == 1
    row = shipping.row()
    assert (row["status"], row["next_due"]) == ("DISPATCHED", "2026-11-23T12:00:30.000Z"), "and is not due sooner for it"
    assert shipping.sweep(after=TRANSIT)["moved"] == 1
    assert shipping.told() == ["ShipmentCreated", "ShipmentDispatched", "ShipmentDelivered"]


def test_whoever_dies_as_the_carrier_is_asked_asks_again(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    late.away = True
    assert shipping.sweep() == {"moved": 0, "failed": 1, "republished": 0}
    assert shipping.row()["status"] == "BOOKING"
    late.away = False
    assert shipping.sweep(after=timedelta(minutes=1))["moved"] == 1
    assert shipping.told() == ["ShipmentCreated", "ShipmentDispatched"]
    assert (late.prepared, late.booked) == ([ORDER], ["booking-1"]), "what was written down before is asked for again"


def test_a_customer_forgotten_as_the_carrier_is_asked_gets_no_parcel(shipping: ShippingService, late: LateCarrier) -> None:
    shipping.confirmed(ORDER)
    late.away = True
    shipping.sweep()
    late.away = False
    shipping.contacts.contacts.clear()
    assert shipping.sweep(after=timedelta(minutes=1))["moved"] == 1
    assert (shipping.row()["status"], shipping.row()["reason"]) == ("FAILED", "NO_ADDRESS")
    assert late.cancelled == ["booking-1"]


def test_what_stays_pending_is_republished(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    assert shipping.sweep(after=timedelta(seconds=121))["republished"] == 2
    assert shipping.bus.types == ["ShipmentCreated", "ShipmentDispatched"]


def test_a_bus_that_is_down_stops_no_shipment(shipping: ShippingService, monkeypatch: pytest.MonkeyPatch) -> None:
    class Down:
        def put_events(self, Entries: list[Any]) -> Any:  # noqa: N803
            raise EndpointConnectionError(endpoint_url="https://events")

    shipping.confirmed(ORDER)
    monkeypatch.setattr(clients, "events", Down)
    with pytest.raises(BusUnavailableError):
        shipping.sweep(after=timedelta(minutes=3))
    assert shipping.row()["status"] == "DISPATCHED"


def test_no_address_is_kept_or_told(shipping: ShippingService, caplog: pytest.LogCaptureFixture) -> None:
    shipping.contacts.broken = {ORDER}
    shipping.confirmed(ORDER)
    shipping.sweep()
    assert "ContactUnavailableError" in caplog.text
    shipping.contacts.broken = set()
    shipping.sweep(after=MINUTE)
    for told in (caplog.text, str(table.shipments().client.scan(TableName="shipments")["Items"])):
        assert not [word for word in ("Alice", "alice@example.com", "Springfield", "Main St") if word in told]


def test_the_same_order_is_the_same_booking() -> None:
    carrier = SandboxCarrier(lambda: "of no use here")
    moved = Contact("Alice", "alice@example.com", {**ADDRESS, "city": "Shelbyville"})
    assert carrier.prepare(ORDER, moved, ()) == ORDER
    assert carrier.book(ORDER) == carrier.book(ORDER)
    assert carrier.book(ORDER) != carrier.book("ord-" + "b" * 26)
