"""The order table's relay: its stream, filtered to items with pending events, onto the bus."""

from kernel.entrypoints import bootstrap_relay as bootstrap
from kernel.handler import lambda_handler

handler = lambda_handler(bootstrap)
