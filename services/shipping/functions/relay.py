"""The shipping table's relay: it publishes the events in the outbox, which the table's stream brings."""

from kernel.entrypoints import bootstrap_relay as bootstrap
from kernel.handler import lambda_handler

handler = lambda_handler(bootstrap)

__all__ = ["bootstrap", "handler"]
