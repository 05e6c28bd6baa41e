"""The events that the order service's queues subscribe to, by subscription: (source, detail-type)."""

from services.kernel.names import CHANNEL_PREFIX, source_of

CONSUMES = {
    "intake": ((f"{CHANNEL_PREFIX}*", "OrderPlaced"),),
    "fulfilment": ((source_of("shipping"), "ShipmentDispatched"), (source_of("shipping"), "ShipmentDelivered")),
}
