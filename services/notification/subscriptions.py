"""The events that the notification service's queues subscribe to, by subscription: (source, detail-type), and fields read."""

from kernel.naming import source_of
from kernel.subscriptions import ORDER, ReplayPolicy, Subscriptions

CUSTOMER, SKUS = "data.customer_id", "data.lines[].sku"
"""The fields that save a read of the order service. The mail is made of what its rows say."""
SUBSCRIPTIONS: Subscriptions = {
    "notices": {
        (source_of("order"), "OrderBackordered"): (*ORDER, CUSTOMER, SKUS),
        (source_of("order"), "OrderConfirmed"): (*ORDER, CUSTOMER, SKUS),
        (source_of("order"), "OrderCancelled"): (*ORDER, CUSTOMER),
        (source_of("shipping"), "ShipmentDispatched"): ORDER,
    },
}
BOUNCED, COMPLAINED = "Email Bounced", "Email Complaint Received"
"""The detail-types, on the account's own bus, by which SES publishes bounces and complaints."""
REPLAY_POLICY = {"notices": ReplayPolicy.OPT_IN}
