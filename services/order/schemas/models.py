"""The data of the order service's events, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class ChannelOrderPlacedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class ChannelOrderPlacedV1Data(TypedDict):
    """The data of OrderPlaced by a channel, version 1. A channel (a shop, a marketplace feed, a script) places an order. The order service makes an order from it and sets the prices. The source of a channel is `orderflow.channel.` and its name: 1 to 32 of a-z 0-9 -, not - first, and not `api`. The customer needs a contact first (PUT /customers/{customer_id}/contact). An id, key or token must not look like a card number or an e-mail address, and must not have control characters."""

    idempotency_key: str
    customer_id: str
    currency: str
    lines: list[ChannelOrderPlacedV1DataLines]
    payment_token: str
    if_short: NotRequired[Literal["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"]]


class OrderBackorderedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class OrderBackorderedV1DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderBackorderedV1Data(TypedDict):
    """The data of OrderBackordered, version 1. There is too little stock, and the order waits for all of it. Its payment stays authorised, and nothing is captured."""

    customer_id: str
    lines: list[OrderBackorderedV1DataLines]
    total: OrderBackorderedV1DataTotal


class OrderCancelRequestedV1Data(TypedDict):
    """The data of OrderCancelRequested, version 1. A confirmed order is to be cancelled if its parcel has not left. Shipping decides that."""

    customer_id: str
    reason: Literal["CUSTOMER", "OPERATOR"]


class OrderCancelledV1DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderCancelledV1Data(TypedDict):
    """The data of OrderCancelled, version 1. The order was cancelled: its payment is voided and its stock released."""

    customer_id: str
    reason: Literal["PAYMENT_DECLINED", "PAYMENT_UNAVAILABLE", "PAYMENT_VOIDED", "OUT_OF_STOCK", "INVENTORY_UNAVAILABLE", "STOCK_RELEASED", "CAPTURE_REFUSED", "CUSTOMER", "EXPIRED"]
    total: OrderCancelledV1DataTotal


class OrderCancelledV2DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderCancelledV2Data(TypedDict):
    """The data of OrderCancelled, version 2. The order was cancelled: its payment is voided or refunded, and its stock is available again."""

    customer_id: str
    reason: Literal["PAYMENT_DECLINED", "PAYMENT_UNAVAILABLE", "PAYMENT_VOIDED", "OUT_OF_STOCK", "INVENTORY_UNAVAILABLE", "STOCK_RELEASED", "CAPTURE_REFUSED", "CUSTOMER", "EXPIRED", "OPERATOR", "NO_ADDRESS", "CARRIER_REFUSED"]
    total: OrderCancelledV2DataTotal
    confirmed: bool


class OrderConfirmedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class OrderConfirmedV1DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderConfirmedV1DataLeftOut(TypedDict):
    """One line."""

    sku: str
    quantity: int


class OrderConfirmedV1Data(TypedDict):
    """The data of OrderConfirmed, version 1. The payment is captured, the stock committed, the order confirmed."""

    customer_id: str
    lines: list[OrderConfirmedV1DataLines]
    total: OrderConfirmedV1DataTotal
    left_out: NotRequired[list[OrderConfirmedV1DataLeftOut]]


class OrderFulfilledV1Data(TypedDict):
    """The data of OrderFulfilled, version 1. The customer has received the order."""

    customer_id: str


class OrderPlacedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int
    unit_price: int


class OrderPlacedV1DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderPlacedV1Data(TypedDict):
    """The data of OrderPlaced, version 1. An order was placed: it is durable, priced and pending."""

    customer_id: str
    channel: str
    lines: list[OrderPlacedV1DataLines]
    total: OrderPlacedV1DataTotal
    payment_token: str
    respond: Literal["sync", "async"]


class OrderPlacedV2DataLinesUnitPrice(TypedDict):
    """The unit price of the catalogue."""

    amount: int
    currency: str


class OrderPlacedV2DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int
    unit_price: OrderPlacedV2DataLinesUnitPrice


class OrderPlacedV2DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderPlacedV2Data(TypedDict):
    """The data of OrderPlaced, version 2. An order was placed: it is durable, priced and pending."""

    customer_id: str
    channel: str
    lines: list[OrderPlacedV2DataLines]
    total: OrderPlacedV2DataTotal
    payment_token: str
    respond: Literal["sync", "async"]
    if_short: NotRequired[Literal["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"]]


class OrderPlacedV3DataLinesUnitPrice(TypedDict):
    """The unit price of the catalogue."""

    amount: int
    currency: str


class OrderPlacedV3DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int
    unit_price: OrderPlacedV3DataLinesUnitPrice


class OrderPlacedV3DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderPlacedV3Data(TypedDict):
    """The data of OrderPlaced, version 3. An order was placed: it is durable, priced and pending."""

    customer_id: str
    channel: str
    lines: list[OrderPlacedV3DataLines]
    total: OrderPlacedV3DataTotal
    respond: Literal["sync", "async"]
    if_short: NotRequired[Literal["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"]]
