"""The events that the payment service's queues subscribe to, by subscription: (source, detail-type), and the fields read."""

from kernel.naming import source_of
from kernel.subscriptions import ORDER, ReplayPolicy, Subscriptions

SUBSCRIPTIONS: Subscriptions = {"cancellations": {(source_of("order"), "OrderCancelled"): (*ORDER, "data.confirmed")}}
REPLAY_POLICY = {"cancellations": ReplayPolicy.REAPPLY}
