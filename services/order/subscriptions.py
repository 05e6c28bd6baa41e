"""The events that the order service's queues subscribe to, by subscription: (source, detail-type), and the fields read."""

from kernel.naming import CHANNEL_PREFIX, source_of
from kernel.subscriptions import CAUSE, ORDER, ReplayPolicy, Subscriptions

MOVED = (*ORDER, "metadata.occurred_at")
"""The fields read of an event that moves an order: its time is in the order's timeline."""

SUBSCRIPTIONS: Subscriptions = {
    "intake": {
        (f"{CHANNEL_PREFIX}*", "OrderPlaced"): (
            *CAUSE,
            "metadata.causation_id",
            "data.idempotency_key",
            "data.customer_id",
            "data.currency",
            "data.lines[].sku",
            "data.lines[].quantity",
            "data.payment_token",
            "data.if_short",
        ),
    },
    "fulfilment": {
        (source_of("shipping"), "ShipmentDispatched"): MOVED,
        (source_of("shipping"), "ShipmentDelivered"): MOVED,
        (source_of("shipping"), "ShipmentCancelled"): MOVED,
        (source_of("shipping"), "ShipmentFailed"): (*MOVED, "data.reason"),
        (source_of("payment"), "PaymentRefunded"): MOVED,
        (source_of("payment"), "PaymentRefundedOutside"): (*MOVED, "data.left.amount", "data.refund_id"),
        (source_of("inventory"), "StockAllocated"): MOVED,
        (source_of("inventory"), "StockReleased"): (*MOVED, "data.restocked"),
    },
}
REPLAY_POLICY = {"intake": ReplayPolicy.OPT_IN, "fulfilment": ReplayPolicy.REAPPLY}
"""To make an order of a channel's event is to charge for it: a replay does so only if it is asked to."""
