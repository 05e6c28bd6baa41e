"""The events that the inventory's queues subscribe to: none, the saga calls it."""

CONSUMES: dict[str, tuple[tuple[str, str], ...]] = {}
