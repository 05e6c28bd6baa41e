"""The event data that the order service reads, typed. Made by `orderctl schemas build`: change the service's subscriptions.py."""

from typing import Literal, NotRequired, TypedDict


class ChannelOrderPlacedDataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class ChannelOrderPlacedData(TypedDict):
    """The fields of OrderPlaced from orderflow.channel.*, version 1, that consumers read."""

    idempotency_key: str
    customer_id: str
    currency: str
    lines: list[ChannelOrderPlacedDataLines]
    payment_token: str
    if_short: NotRequired[Literal["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"]]


class PaymentRefundedOutsideDataLeft(TypedDict):
    """The rest of the payment after all of its refunds."""

    amount: int


class PaymentRefundedOutsideData(TypedDict):
    """The fields of PaymentRefundedOutside from orderflow.payment, version 1, that consumers read."""

    refund_id: str
    left: PaymentRefundedOutsideDataLeft


class ShipmentFailedData(TypedDict):
    """The fields of ShipmentFailed from orderflow.shipping, version 1, that consumers read."""

    reason: Literal["NO_ADDRESS", "CARRIER_REFUSED"]


class StockReleasedData(TypedDict):
    """The fields of StockReleased from orderflow.inventory, version 1, that consumers read."""

    restocked: bool
