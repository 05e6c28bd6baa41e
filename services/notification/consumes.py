"""The events that the notification service's queues subscribe to, by subscription: (source, detail-type), and what is read."""

from services.kernel.consumes import ORDER, Consumes, OnReplay
from services.kernel.names import source_of

LINES = ("data.lines[].sku", "data.lines[].quantity")
TOTAL = ("data.total.amount", "data.total.currency")

CONSUMES: Consumes = {
    "notices": {
        (source_of("order"), "OrderBackordered"): (*ORDER, *LINES, *TOTAL),
        (source_of("order"), "OrderConfirmed"): (*ORDER, *LINES, "data.left_out[].sku", "data.left_out[].quantity", *TOTAL),
        (source_of("order"), "OrderCancelled"): (*ORDER, "data.reason", "data.confirmed", *TOTAL),
        (source_of("shipping"), "ShipmentDispatched"): (*ORDER, "data.tracking"),
    },
}
BOUNCED, COMPLAINED = "Email Bounced", "Email Complaint Received"
"""The detail-types, on the account's own bus, by which SES tells what became of a mail."""
ON_REPLAY = {"notices": OnReplay.CATCH_UP}
