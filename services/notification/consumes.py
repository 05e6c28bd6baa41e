"""The events that the notification service's queues subscribe to, by subscription: (source, detail-type)."""

from services.kernel.names import source_of

CONSUMES = {
    "notices": (
        (source_of("order"), "OrderConfirmed"),
        (source_of("order"), "OrderCancelled"),
        (source_of("shipping"), "ShipmentDispatched"),
    )
}
