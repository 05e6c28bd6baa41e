"""The events that the shipping service's queues subscribe to, by subscription: (source, detail-type), and the fields read."""

from kernel.naming import source_of
from kernel.subscriptions import ORDER, ReplayPolicy, Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    "orders": {(source_of("order"), "OrderConfirmed"): ORDER},
    "bookings": {(source_of("shipping"), "ShipmentCreated"): ("metadata.order_id",)},
    "cancellations": {(source_of("order"), "OrderCancelRequested"): ORDER},
}
REPLAY_POLICY = {
    "orders": ReplayPolicy.OPT_IN,
    "bookings": ReplayPolicy.OPT_IN,
    "cancellations": ReplayPolicy.REAPPLY,
}
