"""The notification table's relay: its stream, filtered to rows with something pending, onto the bus."""

from kernel.entrypoints import relay_handler as handler

__all__ = ["handler"]
