"""The shipment's transition table."""

from kernel.naming import source_of
from kernel.transitions import ABSENT, TransitionTable, step

CREATED, BOOKING, DISPATCHED, DELIVERED = "CREATED", "BOOKING", "DISPATCHED", "DELIVERED"
CANCELLED, FAILED = "CANCELLED", "FAILED"

TRANSITIONS = TransitionTable(
    aggregate="SHIP",
    source=source_of("shipping"),
    transitions=(
        step(
            "create",
            ABSENT,
            CREATED,
            publishes="ShipmentCreated",
            guard="OrderConfirmed in hand, and the order says that it is confirmed",
        ),
        step(
            "book",
            CREATED,
            BOOKING,
            guard="the order says that it is confirmed, and an address in hand: from here on the carrier may have the parcel",
        ),
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
            guard="OrderCancelRequested in hand, and the order says the same; without a shipment, a tombstone refuses it",
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
