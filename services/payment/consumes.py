"""The events that the payment service's queues subscribe to: none, the saga calls it."""

CONSUMES: dict[str, tuple[tuple[str, str], ...]] = {}
