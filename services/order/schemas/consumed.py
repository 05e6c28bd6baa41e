"""The event data that the order service reads, typed. Made by `orderctl schemas build`: change subscriptions.py."""

from typing import Literal, NotRequired, TypedDict


class ChannelOrderPlacedDataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class ChannelOrderPlacedData(TypedDict):
    """What is read of OrderPlaced from orderflow.channel.*, version 1."""

    idempotency_key: str
    customer_id: str
    currency: str
    lines: list[ChannelOrderPlacedDataLines]
    payment_token: str
    if_short: NotRequired[Literal["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"]]


class PaymentRefundedOutsideDataLeft(TypedDict):
    """What is left of the payment after all of its refunds."""

    amount: int


class PaymentRefundedOutsideData(TypedDict):
    """What is read of PaymentRefundedOutside from orderflow.payment, version 1."""

    refund_id: str
    left: PaymentRefundedOutsideDataLeft


class ShipmentFailedData(TypedDict):
    """What is read of ShipmentFailed from orderflow.shipping, version 1."""

    reason: Literal["NO_ADDRESS", "CARRIER_REFUSED"]


class StockReleasedData(TypedDict):
    """What is read of StockReleased from orderflow.inventory, version 1."""

    restocked: bool
