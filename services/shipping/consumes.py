"""The events that the shipping service's queues subscribe to, by subscription: (source, detail-type), and the fields read."""

from services.kernel.consumes import ORDER, Consumes, OnReplay
from services.kernel.names import source_of

CONSUMES: Consumes = {
    "orders": {(source_of("order"), "OrderConfirmed"): ORDER},
    "cancellations": {(source_of("order"), "OrderCancelRequested"): ORDER},
}
ON_REPLAY = {"orders": OnReplay.CATCH_UP, "cancellations": OnReplay.REBUILD}
