"""The data of the inventory service's events, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class StockAllocatedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockAllocatedV1Data(TypedDict):
    """The data of StockAllocated, version 1. The stock of a back-order has arrived and is held for it."""

    lines: list[StockAllocatedV1DataLines]


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
    """The data of StockBackordered, version 1. There is too little stock for the order. It waits for all of it, behind earlier orders, and holds nothing."""

    lines: list[StockBackorderedV1DataLines]
    short: list[StockBackorderedV1DataShort]


class StockCommittedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockCommittedV1Data(TypedDict):
    """The data of StockCommitted, version 1. The held stock of the order is sold."""

    lines: list[StockCommittedV1DataLines]


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
    """The data of StockRejected, version 1. There is too little stock for the order; it holds nothing."""

    lines: list[StockRejectedV1DataLines]
    short: list[StockRejectedV1DataShort]


class StockReleasedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockReleasedV1Data(TypedDict):
    """The data of StockReleased, version 1. The held or sold stock of the order is available again."""

    lines: list[StockReleasedV1DataLines]
    restocked: bool


class StockReplenishedV1DataItems(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockReplenishedV1Data(TypedDict):
    """The data of StockReplenished, version 1. A delivery was added to the stock."""

    replenishment_id: str
    items: list[StockReplenishedV1DataItems]


class StockReservedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class StockReservedV1Data(TypedDict):
    """The data of StockReserved, version 1. The stock of the order is held."""

    lines: list[StockReservedV1DataLines]


class StockRunningLowV1Data(TypedDict):
    """The data of StockRunningLow, version 1. The available quantity of a SKU fell below its threshold."""

    sku: str
    available: int
    threshold: int
