"""The shipment's transition table."""

from services.kernel.names import source_of
from services.kernel.transitions import ABSENT, TransitionTable, step

CREATED, BOOKING, DISPATCHED, DELIVERED = "CREATED", "BOOKING", "DISPATCHED", "DELIVERED"
CANCELLED, FAILED = "CANCELLED", "FAILED"

TRANSITIONS = TransitionTable(
    aggregate="SHIP",
    source=source_of("shipping"),
    transitions=(
        step("create", ABSENT, CREATED, publishes="ShipmentCreated", guard="the order is CONFIRMED"),
        step("book", CREATED, BOOKING, guard="an address in hand: from here on the carrier may have the parcel"),
        step(
            "dispatch",
            BOOKING,
            DISPATCHED,
            publishes="ShipmentDispatched",
            guard="the carrier took the parcel",
            repeatable=True,
        ),
        step(
            "deliver", DISPATCHED, DELIVERED, publishes="ShipmentDelivered", guard="the carrier delivered it", repeatable=True
        ),
        step(
            "cancel",
            (ABSENT, CREATED),
            CANCELLED,
            publishes="ShipmentCancelled",
            guard="OrderCancelRequested in hand; where there is no shipment yet, the tombstone that refuses a late one",
            repeatable=True,
        ),
        step(
            "fail",
            (CREATED, BOOKING),
            FAILED,
            publishes="ShipmentFailed",
            guard="there is no address to ship to, or the carrier refused",
            repeatable=True,
        ),
    ),
    terminal=frozenset({DELIVERED, CANCELLED, FAILED}),
)
