"""The events that the notification service's queues subscribe to, by subscription: (source, detail-type), and what is read."""

from services.kernel.consumes import ORDER, ReplayPolicy, Subscriptions
from services.kernel.names import source_of

SUBSCRIPTIONS: Subscriptions = {
    "notices": {
        (source_of("order"), "OrderBackordered"): ORDER,
        (source_of("order"), "OrderConfirmed"): ORDER,
        (source_of("order"), "OrderCancelled"): ORDER,
        (source_of("shipping"), "ShipmentDispatched"): ORDER,
    },
}
BOUNCED, COMPLAINED = "Email Bounced", "Email Complaint Received"
"""The detail-types, on the account's own bus, by which SES tells what became of a mail."""
REPLAY_POLICY = {"notices": ReplayPolicy.OPT_IN}
