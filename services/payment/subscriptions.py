"""The events that the payment service's queues subscribe to, by subscription: (source, detail-type), and the fields read."""

from kernel.naming import source_of
from kernel.subscriptions import ORDER, Filters, ReplayPolicy, Subscriptions

SUBSCRIPTIONS: Subscriptions = {"cancellations": {(source_of("order"), "OrderCancelled"): (*ORDER, "data.confirmed")}}
FILTERS: Filters = {"cancellations": {"data": {"confirmed": [True]}}}
"""Most cancelled orders were never confirmed; the saga itself has ended their payment and their reservation."""
REPLAY_POLICY = {"cancellations": ReplayPolicy.REAPPLY}
