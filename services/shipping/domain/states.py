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
            guard="OrderConfirmed, and the order's facts agree",
        ),
        step(
            "book",
            CREATED,
            BOOKING,
            guard="the order's facts say confirmed, and there is an address; from then on the carrier may have the parcel",
        ),
        step(
            "dispatch",
            BOOKING,
            DISPATCHED,
            publishes="ShipmentDispatched",
            guard="the carrier accepted the parcel",
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
            guard="OrderCancelRequested, and the order's facts agree; without a shipment it leaves a tombstone",
            repeatable=True,
        ),
        step(
            "fail",
            (CREATED, BOOKING),
            FAILED,
            publishes="ShipmentFailed",
            guard="there is no address, or the carrier refused the parcel",
            repeatable=True,
        ),
    ),
    terminal=frozenset({DELIVERED, CANCELLED, FAILED}),
)
