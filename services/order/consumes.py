"""The events that the order service's queues subscribe to, by subscription: (source, detail-type), and the fields read."""

from services.kernel.consumes import CAUSE, ORDER, Consumes, OnReplay
from services.kernel.names import CHANNEL_PREFIX, source_of

CONSUMES: Consumes = {
    "intake": {
        (f"{CHANNEL_PREFIX}*", "OrderPlaced"): (
            *CAUSE,
            "data.idempotency_key",
            "data.customer_id",
            "data.currency",
            "data.lines[].sku",
            "data.lines[].quantity",
            "data.payment_token",
        ),
    },
    "fulfilment": {
        (source_of("shipping"), "ShipmentDispatched"): ORDER,
        (source_of("shipping"), "ShipmentDelivered"): ORDER,
        (source_of("shipping"), "ShipmentCancelled"): ORDER,
        (source_of("shipping"), "ShipmentFailed"): (*ORDER, "data.reason"),
        (source_of("payment"), "PaymentRefunded"): ORDER,
        (source_of("inventory"), "StockReleased"): ORDER,
    },
}
ON_REPLAY = {"intake": OnReplay.REBUILD, "fulfilment": OnReplay.REBUILD}
