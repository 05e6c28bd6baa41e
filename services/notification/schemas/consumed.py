"""The event data that the notification service reads, typed. Made by `orderctl schemas build`: change the service's subscriptions.py."""

from typing import Literal, NotRequired, TypedDict


class OrderBackorderedDataLines(TypedDict):
    """One line."""

    sku: str


class OrderBackorderedData(TypedDict):
    """The fields of OrderBackordered from orderflow.order, version 1, that consumers read."""

    customer_id: str
    lines: list[OrderBackorderedDataLines]


class OrderCancelledData(TypedDict):
    """The fields of OrderCancelled from orderflow.order, version 2, that consumers read."""

    customer_id: str


class OrderConfirmedDataLines(TypedDict):
    """One line."""

    sku: str


class OrderConfirmedData(TypedDict):
    """The fields of OrderConfirmed from orderflow.order, version 1, that consumers read."""

    customer_id: str
    lines: list[OrderConfirmedDataLines]
