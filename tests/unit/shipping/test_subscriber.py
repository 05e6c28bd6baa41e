"""The orders queue: each confirmed order gets one shipment."""

from tests.support.choreography import ORDER, an_event
from tests.unit.shipping.conftest import TRANSIT, ShippingService

OTHER = "ord-" + "b" * 26


def test_confirmed_order_gets_a_shipment_due_at_once(shipping: ShippingService) -> None:
    assert shipping.confirmed(ORDER) == {"batchItemFailures": []}
    row = shipping.row()
    assert (row["status"], row["order_id"], row["next_due"]) == ("CREATED", ORDER, "2026-11-23T12:00:00.000Z")
    (event,) = shipping.events()
    assert event["detail-type"] == "ShipmentCreated"
    assert event["detail"]["data"] == {"lines": row["lines"]}
    metadata = event["detail"]["metadata"]
    assert metadata["causation_id"] == an_event("order", "OrderConfirmed")["detail"]["metadata"]["event_id"]
    assert metadata["correlation_id"] == row["correlation_id"]


def test_redelivery_writes_nothing(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER, ORDER)
    before = shipping.row()
    shipping.confirmed(ORDER)
    shipping.confirmed(ORDER, replay_name="the wrong window")
    assert shipping.row() == before


def test_redelivery_after_delivery_writes_nothing(shipping: ShippingService) -> None:
    shipping.confirmed(ORDER)
    shipping.sweep()
    shipping.sweep(after=TRANSIT)
    assert shipping.row()["status"] == "DELIVERED"
    before = shipping.row()
    shipping.confirmed(ORDER, replay_name="the wrong window")
    assert shipping.row() == before


def test_order_that_is_not_confirmed_gets_no_shipment(shipping: ShippingService) -> None:
    shipping.receives(an_event("order", "OrderCancelled"), an_event("order", "OrderPlaced"))
    assert shipping.shipments.get(ORDER) is None
    assert len(shipping.dead_letters.reasons) == 2


def test_bad_message_is_quarantined_alone(shipping: ShippingService) -> None:
    bad = an_event("order", "OrderConfirmed", lines=[{"sku": "MUG", "quantity": 0}])
    assert shipping.receives(an_event("order", "OrderConfirmed"), bad, an_event("order", "OrderConfirmed", OTHER)) == {
        "batchItemFailures": []
    }
    assert (shipping.row(ORDER)["status"], shipping.row(OTHER)["status"]) == ("CREATED", "CREATED")
    (reason,) = shipping.dead_letters.reasons
    assert "data.lines[0].quantity" in reason
