"""The shipment's transition table."""

from services.kernel.names import source_of
from services.kernel.transitions import ABSENT, TransitionTable, step

CREATED, DISPATCHED, DELIVERED, FAILED = "CREATED", "DISPATCHED", "DELIVERED", "FAILED"

TRANSITIONS = TransitionTable(
    aggregate="SHIP",
    source=source_of("shipping"),
    transitions=(
        step("create", ABSENT, CREATED, publishes="ShipmentCreated", guard="the order is CONFIRMED"),
        step("dispatch", CREATED, DISPATCHED, publishes="ShipmentDispatched", guard="the carrier took the parcel"),
        step("deliver", DISPATCHED, DELIVERED, publishes="ShipmentDelivered", guard="the carrier delivered it"),
        step(
            "fail",
            CREATED,
            FAILED,
            publishes="ShipmentFailed",
            guard="there is no address to ship to, or the carrier refused",
        ),
    ),
    terminal=frozenset({DELIVERED, FAILED}),
)
