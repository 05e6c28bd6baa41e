"""The events of the inventory service, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class StockAllocatedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class StockAllocatedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockAllocatedV1Data(TypedDict):
    """The content of the event."""

    lines: list[StockAllocatedV1DataLines]


class StockAllocatedV1(TypedDict):
    """StockAllocated, version 1. The stock of a back-order has arrived and is held for it."""

    metadata: StockAllocatedV1Metadata
    data: StockAllocatedV1Data


class StockBackorderedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class StockBackorderedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockBackorderedV1DataShort(TypedDict):
    """One SKU."""

    sku: str
    requested: int
    available: int


class StockBackorderedV1Data(TypedDict):
    """The content of the event."""

    lines: list[StockBackorderedV1DataLines]
    short: list[StockBackorderedV1DataShort]


class StockBackorderedV1(TypedDict):
    """StockBackordered, version 1. There is too little stock for the order. It waits for all of it, behind earlier orders, and holds nothing."""

    metadata: StockBackorderedV1Metadata
    data: StockBackorderedV1Data


class StockCommittedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class StockCommittedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockCommittedV1Data(TypedDict):
    """The content of the event."""

    lines: list[StockCommittedV1DataLines]


class StockCommittedV1(TypedDict):
    """StockCommitted, version 1. The held stock of the order is sold."""

    metadata: StockCommittedV1Metadata
    data: StockCommittedV1Data


class StockRejectedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class StockRejectedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockRejectedV1DataShort(TypedDict):
    """One SKU."""

    sku: str
    requested: int
    available: int


class StockRejectedV1Data(TypedDict):
    """The content of the event."""

    lines: list[StockRejectedV1DataLines]
    short: list[StockRejectedV1DataShort]


class StockRejectedV1(TypedDict):
    """StockRejected, version 1. There is too little stock for the order; it holds nothing."""

    metadata: StockRejectedV1Metadata
    data: StockRejectedV1Data


class StockReleasedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class StockReleasedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockReleasedV1Data(TypedDict):
    """The content of the event."""

    lines: list[StockReleasedV1DataLines]
    restocked: bool


class StockReleasedV1(TypedDict):
    """StockReleased, version 1. The held or sold stock of the order is available again."""

    metadata: StockReleasedV1Metadata
    data: StockReleasedV1Data


class StockReplenishedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class StockReplenishedV1DataItems(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockReplenishedV1Data(TypedDict):
    """The content of the event."""

    replenishment_id: str
    items: list[StockReplenishedV1DataItems]


class StockReplenishedV1(TypedDict):
    """StockReplenished, version 1. A delivery was added to the stock."""

    metadata: StockReplenishedV1Metadata
    data: StockReplenishedV1Data


class StockReservedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class StockReservedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockReservedV1Data(TypedDict):
    """The content of the event."""

    lines: list[StockReservedV1DataLines]


class StockReservedV1(TypedDict):
    """StockReserved, version 1. The stock of the order is held."""

    metadata: StockReservedV1Metadata
    data: StockReservedV1Data


class StockRunningLowV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class StockRunningLowV1Data(TypedDict):
    """The content of the event."""

    sku: str
    available: int
    threshold: int


class StockRunningLowV1(TypedDict):
    """StockRunningLow, version 1. The available quantity of a SKU fell below its threshold."""

    metadata: StockRunningLowV1Metadata
    data: StockRunningLowV1Data
