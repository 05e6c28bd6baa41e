"""The order's transition table (protocol O1 to O5, and what comes after the yes) and the marks of its fulfilment."""

from typing import Final

from kernel.naming import source_of
from kernel.transitions import ABSENT, TransitionTable, step
from services.order.domain.model import Fulfilment

PENDING, BACKORDERED, CONFIRMING, CONFIRMED = "PENDING", "BACKORDERED", "CONFIRMING", "CONFIRMED"
CANCELLING, CANCELLED = "CANCELLING", "CANCELLED"
CANCEL_REQUESTED, REFUNDING = "CANCEL_REQUESTED", "REFUNDING"

UNDECIDED = frozenset({PENDING, BACKORDERED})
"""Statuses from which the one decision is taken."""
DECIDED_BY_SAGA = frozenset({*UNDECIDED, CONFIRMING, CANCELLING})
"""Statuses from which the saga, started again, goes on."""
AWAITING_OTHER_SERVICES = frozenset({CANCEL_REQUESTED, REFUNDING})
"""Statuses in which the order waits for other services' events; the sweeper asks for them again."""

TRANSITIONS = TransitionTable(
    aggregate="ORDER",
    source=source_of("order"),
    transitions=(
        step("create", ABSENT, PENDING, publishes="OrderPlaced", guard="same key and same request only"),
        step(
            "wait",
            PENDING,
            BACKORDERED,
            publishes="OrderBackordered",
            guard="stock WAITING in hand, and it never waited before",
        ),
        step("resume", BACKORDERED, PENDING, guard="StockAllocated in hand, and inventory says HELD or COMMITTED"),
        step(
            "decide_to_confirm",
            UNDECIDED,
            CONFIRMING,
            guard="payment AUTHORIZED and stock HELD in hand; its lines and total are from then on what is held",
        ),
        step(
            "decide_to_cancel",
            UNDECIDED,
            CANCELLING,
            guard="payment DECLINED or VOIDED, or stock REJECTED, RELEASED or RESTOCKED, in hand, or the customer's request",
        ),
        step(
            "expire",
            UNDECIDED,
            CANCELLING,
            guard="the latest try began after the deadline, and payment or inventory gave no answer, or stock is WAITING",
        ),
        step("refuse", CONFIRMING, CANCELLING, guard="payment CAPTURE_REFUSED in hand"),
        step(
            "confirm",
            CONFIRMING,
            CONFIRMED,
            publishes="OrderConfirmed",
            guard="payment CAPTURED and stock COMMITTED in hand",
        ),
        step(
            "cancel",
            CANCELLING,
            CANCELLED,
            publishes="OrderCancelled",
            guard="payment VOIDED or DECLINED and stock RELEASED or RESTOCKED in hand",
        ),
        step(
            "mark_dispatched",
            (CONFIRMED, CANCEL_REQUESTED),
            CONFIRMED,
            guard="ShipmentDispatched in hand, shipping says DISPATCHED or DELIVERED, and fulfilment is below DISPATCHED",
        ),
        step(
            "mark_delivered",
            (CONFIRMED, CANCEL_REQUESTED),
            CONFIRMED,
            publishes="OrderFulfilled",
            guard="ShipmentDelivered in hand, shipping says DELIVERED, and fulfilment is below DELIVERED",
        ),
        step(
            "request_cancel",
            CONFIRMED,
            CANCEL_REQUESTED,
            publishes="OrderCancelRequested",
            guard="fulfilment is NONE",
            repeatable=True,
        ),
        step(
            "revoke",
            (CONFIRMED, CANCEL_REQUESTED),
            REFUNDING,
            publishes="OrderCancelled",
            guard="ShipmentCancelled or ShipmentFailed in hand, shipping says the same, and fulfilment is NONE",
            repeatable=True,
        ),
        step(
            "take_back",
            REFUNDING,
            REFUNDING,
            guard="PaymentRefunded or StockReleased in hand, as the first of the two, and its owner says the same",
        ),
        step("close", REFUNDING, CANCELLED, guard="PaymentRefunded and StockReleased in hand, and their owners say the same"),
    ),
    terminal=frozenset({CONFIRMED, CANCELLED}),
)

FULFILMENT: Final[tuple[Fulfilment, ...]] = ("NONE", "DISPATCHED", "DELIVERED")
"""Fulfilment only ever moves to the right."""
