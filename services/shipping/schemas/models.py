"""The data of the shipping service's events, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class ShipmentCreatedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class ShipmentCreatedV1Data(TypedDict):
    """The data of ShipmentCreated, version 1. A confirmed order has a shipment. It waits for its booking with the carrier."""

    lines: list[ShipmentCreatedV1DataLines]


class ShipmentDeliveredV1Data(TypedDict):
    """The data of ShipmentDelivered, version 1. The carrier delivered the parcel."""

    tracking: str


class ShipmentDispatchedV1Data(TypedDict):
    """The data of ShipmentDispatched, version 1. The carrier accepted the parcel."""

    tracking: str


class ShipmentFailedV1Data(TypedDict):
    """The data of ShipmentFailed, version 1. The order cannot be shipped. It is then cancelled and refunded."""

    reason: Literal["NO_ADDRESS", "CARRIER_REFUSED"]
