"""The event data that the inventory service reads, typed. Made by `orderctl schemas build`: change the service's subscriptions.py."""

from typing import Literal, NotRequired, TypedDict


class OrderCancelledData(TypedDict):
    """The fields of OrderCancelled from orderflow.order, version 2, that consumers read."""

    confirmed: bool
