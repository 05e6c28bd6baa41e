"""The events of the inventory service, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class StockAllocatedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class StockAllocatedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockAllocatedV1Data(TypedDict):
    """What happened."""

    lines: list[StockAllocatedV1DataLines]


class StockAllocatedV1(TypedDict):
    """StockAllocated, version 1. What a back-order waited for is there, and held for it."""

    metadata: StockAllocatedV1Metadata
    data: StockAllocatedV1Data


class StockBackorderedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


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
    """What happened."""

    lines: list[StockBackorderedV1DataLines]
    short: list[StockBackorderedV1DataShort]


class StockBackorderedV1(TypedDict):
    """StockBackordered, version 1. There was too little stock for the order, and it waits for all of it, behind those who came before; nothing is held for it."""

    metadata: StockBackorderedV1Metadata
    data: StockBackorderedV1Data


class StockCommittedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class StockCommittedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockCommittedV1Data(TypedDict):
    """What happened."""

    lines: list[StockCommittedV1DataLines]


class StockCommittedV1(TypedDict):
    """StockCommitted, version 1. What was held for the order is sold."""

    metadata: StockCommittedV1Metadata
    data: StockCommittedV1Data


class StockRejectedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


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
    """What happened."""

    lines: list[StockRejectedV1DataLines]
    short: list[StockRejectedV1DataShort]


class StockRejectedV1(TypedDict):
    """StockRejected, version 1. There was too little stock for the order; nothing is held for it."""

    metadata: StockRejectedV1Metadata
    data: StockRejectedV1Data


class StockReleasedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class StockReleasedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockReleasedV1Data(TypedDict):
    """What happened."""

    lines: list[StockReleasedV1DataLines]
    restocked: bool


class StockReleasedV1(TypedDict):
    """StockReleased, version 1. What was held for the order, or sold to it, is available again."""

    metadata: StockReleasedV1Metadata
    data: StockReleasedV1Data


class StockReplenishedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    correlation_id: str
    causation_id: str


class StockReplenishedV1DataItems(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockReplenishedV1Data(TypedDict):
    """What happened."""

    replenishment_id: str
    items: list[StockReplenishedV1DataItems]


class StockReplenishedV1(TypedDict):
    """StockReplenished, version 1. Stock came in."""

    metadata: StockReplenishedV1Metadata
    data: StockReplenishedV1Data


class StockReservedV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str


class StockReservedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockReservedV1Data(TypedDict):
    """What happened."""

    lines: list[StockReservedV1DataLines]


class StockReservedV1(TypedDict):
    """StockReserved, version 1. The order's lines are held for it."""

    metadata: StockReservedV1Metadata
    data: StockReservedV1Data


class StockRunningLowV1Metadata(TypedDict):
    """What every domain event carries."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    correlation_id: str
    causation_id: str


class StockRunningLowV1Data(TypedDict):
    """What happened."""

    sku: str
    available: int
    threshold: int


class StockRunningLowV1(TypedDict):
    """StockRunningLow, version 1. Less of a SKU is available than an operator wants there to be."""

    metadata: StockRunningLowV1Metadata
    data: StockRunningLowV1Data
