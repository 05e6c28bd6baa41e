"""The events of the shipping service, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class ShipmentCancelledV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class ShipmentCancelledV1Data(TypedDict):
    """The content of the event."""



class ShipmentCancelledV1(TypedDict):
    """ShipmentCancelled, version 1. The parcel of an order will not be sent, because the order is to be cancelled."""

    metadata: ShipmentCancelledV1Metadata
    data: ShipmentCancelledV1Data


class ShipmentCreatedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class ShipmentCreatedV1DataLines(TypedDict):
    """One line."""

    sku: str
    quantity: int


class ShipmentCreatedV1Data(TypedDict):
    """The content of the event."""

    lines: list[ShipmentCreatedV1DataLines]


class ShipmentCreatedV1(TypedDict):
    """ShipmentCreated, version 1. A confirmed order has a shipment. It waits for its booking with the carrier."""

    metadata: ShipmentCreatedV1Metadata
    data: ShipmentCreatedV1Data


class ShipmentDeliveredV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class ShipmentDeliveredV1Data(TypedDict):
    """The content of the event."""

    tracking: str


class ShipmentDeliveredV1(TypedDict):
    """ShipmentDelivered, version 1. The carrier delivered the parcel."""

    metadata: ShipmentDeliveredV1Metadata
    data: ShipmentDeliveredV1Data


class ShipmentDispatchedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class ShipmentDispatchedV1Data(TypedDict):
    """The content of the event."""

    tracking: str


class ShipmentDispatchedV1(TypedDict):
    """ShipmentDispatched, version 1. The carrier accepted the parcel."""

    metadata: ShipmentDispatchedV1Metadata
    data: ShipmentDispatchedV1Data


class ShipmentFailedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class ShipmentFailedV1Data(TypedDict):
    """The content of the event."""

    reason: Literal["NO_ADDRESS", "CARRIER_REFUSED"]


class ShipmentFailedV1(TypedDict):
    """ShipmentFailed, version 1. The order cannot be shipped. It is then cancelled and refunded."""

    metadata: ShipmentFailedV1Metadata
    data: ShipmentFailedV1Data
