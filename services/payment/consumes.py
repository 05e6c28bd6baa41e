"""The events that the payment service's queues subscribe to, by subscription: (source, detail-type), and the fields read."""

from services.kernel.consumes import ORDER, Consumes, OnReplay
from services.kernel.names import source_of

CONSUMES: Consumes = {"cancellations": {(source_of("order"), "OrderCancelled"): (*ORDER, "data.confirmed")}}
ON_REPLAY = {"cancellations": OnReplay.REBUILD}
