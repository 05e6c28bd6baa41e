"""The order's transition table (protocol O1 to O5) and the marks of its fulfilment."""

from services.kernel.names import source_of
from services.kernel.transitions import ABSENT, TransitionTable, step

PENDING, CONFIRMING, CONFIRMED = "PENDING", "CONFIRMING", "CONFIRMED"
CANCELLING, CANCELLED = "CANCELLING", "CANCELLED"

TRANSITIONS = TransitionTable(
    aggregate="ORDER",
    source=source_of("order"),
    transitions=(
        step("create", ABSENT, PENDING, publishes="OrderPlaced", guard="same key and same request only"),
        step("decide_to_confirm", PENDING, CONFIRMING, guard="payment AUTHORIZED and stock HELD in hand"),
        step("decide_to_cancel", PENDING, CANCELLING),
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
        step("mark_dispatched", CONFIRMED, CONFIRMED, guard="fulfilment is below DISPATCHED"),
        step("mark_delivered", CONFIRMED, CONFIRMED, publishes="OrderFulfilled", guard="fulfilment is below DELIVERED"),
    ),
    terminal=frozenset({CONFIRMED, CANCELLED}),
)

FULFILMENT = ("NONE", "DISPATCHED", "DELIVERED")
"""Fulfilment only ever moves to the right."""
