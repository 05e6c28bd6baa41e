"""The events of the order service, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class ChannelOrderPlacedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    correlation_id: NotRequired[str]
    causation_id: NotRequired[str]
    traceparent: NotRequired[str]


class ChannelOrderPlacedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class ChannelOrderPlacedV1Data(TypedDict):
    """The content of the event."""

    idempotency_key: str
    customer_id: str
    currency: str
    lines: list[ChannelOrderPlacedV1DataLines]
    payment_token: str
    if_short: NotRequired[Literal["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"]]


class ChannelOrderPlacedV1(TypedDict):
    """OrderPlaced by a channel, version 1. A channel (a shop, a marketplace feed, a script) places an order. The order service makes an order from it and sets the prices. The source of a channel is `orderflow.channel.` and its name: 1 to 32 of a-z 0-9 -, not - first, and not `api`. The customer needs a contact first (PUT /customers/{customer_id}/contact). An id, key or token must not look like a card number or an e-mail address, and must not have control characters."""

    metadata: ChannelOrderPlacedV1Metadata
    data: ChannelOrderPlacedV1Data


class OrderBackorderedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class OrderBackorderedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class OrderBackorderedV1DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderBackorderedV1Data(TypedDict):
    """The content of the event."""

    customer_id: str
    lines: list[OrderBackorderedV1DataLines]
    total: OrderBackorderedV1DataTotal


class OrderBackorderedV1(TypedDict):
    """OrderBackordered, version 1. There is too little stock, and the order waits for all of it. Its payment stays authorised, and nothing is captured."""

    metadata: OrderBackorderedV1Metadata
    data: OrderBackorderedV1Data


class OrderCancelRequestedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class OrderCancelRequestedV1Data(TypedDict):
    """The content of the event."""

    customer_id: str
    reason: Literal["CUSTOMER", "OPERATOR"]


class OrderCancelRequestedV1(TypedDict):
    """OrderCancelRequested, version 1. A confirmed order is to be cancelled if its parcel has not left. Shipping decides that."""

    metadata: OrderCancelRequestedV1Metadata
    data: OrderCancelRequestedV1Data


class OrderCancelledV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class OrderCancelledV1DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderCancelledV1Data(TypedDict):
    """The content of the event."""

    customer_id: str
    reason: Literal["PAYMENT_DECLINED", "PAYMENT_UNAVAILABLE", "PAYMENT_VOIDED", "OUT_OF_STOCK", "INVENTORY_UNAVAILABLE", "STOCK_RELEASED", "CAPTURE_REFUSED", "CUSTOMER", "EXPIRED"]
    total: OrderCancelledV1DataTotal


class OrderCancelledV1(TypedDict):
    """OrderCancelled, version 1. The order was cancelled: its payment is voided and its stock released."""

    metadata: OrderCancelledV1Metadata
    data: OrderCancelledV1Data


class OrderCancelledV2Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[2]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class OrderCancelledV2DataTotal(TypedDict):
    """The total of the order."""

    amount: int
    currency: str


class OrderCancelledV2Data(TypedDict):
    """The content of the event."""

    customer_id: str
    reason: Literal["PAYMENT_DECLINED", "PAYMENT_UNAVAILABLE", "PAYMENT_VOIDED", "OUT_OF_STOCK", "INVENTORY_UNAVAILABLE", "STOCK_RELEASED", "CAPTURE_REFUSED", "CUSTOMER", "EXPIRED", "OPERATOR", "NO_ADDRESS", "CARRIER_REFUSED"]
    total: OrderCancelledV2DataTotal
    confirmed: bool


class OrderCancelledV2(TypedDict):
    """OrderCancelled, version 2. The order was cancelled: its payment is voided or refunded, and its stock is available again."""

    metadata: OrderCancelledV2Metadata
    data: OrderCancelledV2Data


class OrderConfirmedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


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
    """The content of the event."""

    customer_id: str
    lines: list[OrderConfirmedV1DataLines]
    total: OrderConfirmedV1DataTotal
    left_out: NotRequired[list[OrderConfirmedV1DataLeftOut]]


class OrderConfirmedV1(TypedDict):
    """OrderConfirmed, version 1. The payment is captured, the stock committed, the order confirmed."""

    metadata: OrderConfirmedV1Metadata
    data: OrderConfirmedV1Data


class OrderFulfilledV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class OrderFulfilledV1Data(TypedDict):
    """The content of the event."""

    customer_id: str


class OrderFulfilledV1(TypedDict):
    """OrderFulfilled, version 1. The customer has received the order."""

    metadata: OrderFulfilledV1Metadata
    data: OrderFulfilledV1Data


class OrderPlacedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


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
    """The content of the event."""

    customer_id: str
    channel: str
    lines: list[OrderPlacedV1DataLines]
    total: OrderPlacedV1DataTotal
    payment_token: str
    respond: Literal["sync", "async"]


class OrderPlacedV1(TypedDict):
    """OrderPlaced, version 1. An order was placed: it is durable, priced and pending."""

    metadata: OrderPlacedV1Metadata
    data: OrderPlacedV1Data


class OrderPlacedV2Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[2]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


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
    """The content of the event."""

    customer_id: str
    channel: str
    lines: list[OrderPlacedV2DataLines]
    total: OrderPlacedV2DataTotal
    payment_token: str
    respond: Literal["sync", "async"]
    if_short: NotRequired[Literal["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"]]


class OrderPlacedV2(TypedDict):
    """OrderPlaced, version 2. An order was placed: it is durable, priced and pending."""

    metadata: OrderPlacedV2Metadata
    data: OrderPlacedV2Data


class OrderPlacedV3Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[3]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


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
    """The content of the event."""

    customer_id: str
    channel: str
    lines: list[OrderPlacedV3DataLines]
    total: OrderPlacedV3DataTotal
    respond: Literal["sync", "async"]
    if_short: NotRequired[Literal["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"]]


class OrderPlacedV3(TypedDict):
    """OrderPlaced, version 3. An order was placed: it is durable, priced and pending."""

    metadata: OrderPlacedV3Metadata
    data: OrderPlacedV3Data
