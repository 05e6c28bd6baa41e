"""The events that the shipping service's queues subscribe to, by subscription: (source, detail-type)."""

from services.kernel.names import source_of

CONSUMES = {"orders": ((source_of("order"), "OrderConfirmed"),)}
