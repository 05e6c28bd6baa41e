"""The inventory table's relay: it publishes the events in the outboxes of changed items."""

from kernel.entrypoints import bootstrap_relay as bootstrap
from kernel.handler import lambda_handler

handler = lambda_handler(bootstrap)
