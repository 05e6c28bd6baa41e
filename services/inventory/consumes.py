"""The events that the inventory's queues subscribe to: none, the saga calls it."""

from services.kernel.consumes import Consumes, OnReplay

CONSUMES: Consumes = {}
ON_REPLAY: dict[str, OnReplay] = {}
