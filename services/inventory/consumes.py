"""The events that the inventory's queues subscribe to, by subscription: (source, detail-type), and the fields read."""

from services.kernel.consumes import ORDER, ReplayPolicy, Subscriptions
from services.kernel.names import source_of

SUBSCRIPTIONS: Subscriptions = {"cancellations": {(source_of("order"), "OrderCancelled"): (*ORDER, "data.confirmed")}}
REPLAY_POLICY = {"cancellations": ReplayPolicy.REAPPLY}
