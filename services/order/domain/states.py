"""The order's transition table, which docs/explanation/protocol.md draws, and its marks of fulfilment."""

from typing import Final, Literal

from kernel.naming import source_of
from kernel.transitions import ABSENT, TransitionTable, step

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
            guard="evidence: stock WAITING; the order never waited before",
        ),
        step("resume", BACKORDERED, PENDING, guard="StockAllocated, and inventory's facts say HELD or COMMITTED"),
        step(
            "decide_to_confirm",
            UNDECIDED,
            CONFIRMING,
            guard="evidence: payment AUTHORIZED and stock HELD; lines and total become the held ones",
        ),
        step(
            "decide_to_cancel",
            UNDECIDED,
            CANCELLING,
            guard="evidence: payment DECLINED or VOIDED, or stock REJECTED, RELEASED or RESTOCKED; or a request to cancel",
        ),
        step(
            "expire",
            UNDECIDED,
            CANCELLING,
            guard="the latest try began after the deadline, and payment or inventory gave no answer, or stock is WAITING",
        ),
        step("refuse", CONFIRMING, CANCELLING, guard="evidence: payment CAPTURE_REFUSED"),
        step(
            "confirm",
            CONFIRMING,
            CONFIRMED,
            publishes="OrderConfirmed",
            guard="evidence: payment CAPTURED and stock COMMITTED",
        ),
        step(
            "cancel",
            CANCELLING,
            CANCELLED,
            publishes="OrderCancelled",
            guard="evidence: payment VOIDED or DECLINED, and stock RELEASED or RESTOCKED",
        ),
        step(
            "mark_dispatched",
            (CONFIRMED, CANCEL_REQUESTED),
            CONFIRMED,
            guard="ShipmentDispatched, shipping's facts say DISPATCHED or DELIVERED, and fulfilment is NONE",
        ),
        step(
            "mark_delivered",
            (CONFIRMED, CANCEL_REQUESTED),
            CONFIRMED,
            publishes="OrderFulfilled",
            guard="ShipmentDelivered, shipping's facts say DELIVERED, and fulfilment is below DELIVERED",
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
            guard="ShipmentCancelled or ShipmentFailed, shipping's facts agree, and fulfilment is NONE",
            repeatable=True,
        ),
        step(
            "take_back",
            REFUNDING,
            REFUNDING,
            guard="PaymentRefunded or StockReleased, the first of the two, and the owner's facts agree",
        ),
        step("close", REFUNDING, CANCELLED, guard="PaymentRefunded and StockReleased, and their owners' facts agree"),
    ),
    terminal=frozenset({CONFIRMED, CANCELLED}),
)

Fulfilment = Literal["NONE", "DISPATCHED", "DELIVERED"]
"""The progress of the parcel."""
FULFILMENT: Final[tuple[Fulfilment, ...]] = ("NONE", "DISPATCHED", "DELIVERED")
"""Fulfilment only ever moves to the right."""
