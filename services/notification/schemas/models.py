"""The events of the notification service, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class NotificationFailedV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class NotificationFailedV1Data(TypedDict):
    """The content of the event."""

    kind: Literal["confirmed", "cancelled", "dispatched"]
    reason: Literal["NO_CONTACT", "ADDRESS_REFUSED", "SENDING_UNKNOWN"]


class NotificationFailedV1(TypedDict):
    """NotificationFailed, version 1. The mail will not be sent, or its sending is unknown."""

    metadata: NotificationFailedV1Metadata
    data: NotificationFailedV1Data


class NotificationFailedV2Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[2]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class NotificationFailedV2Data(TypedDict):
    """The content of the event."""

    kind: Literal["backordered", "confirmed", "cancelled", "dispatched"]
    reason: Literal["NO_CONTACT", "ADDRESS_REFUSED", "SENDING_UNKNOWN"]


class NotificationFailedV2(TypedDict):
    """NotificationFailed, version 2. The mail will not be sent, or its sending is unknown."""

    metadata: NotificationFailedV2Metadata
    data: NotificationFailedV2Data


class NotificationSentV1Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[1]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class NotificationSentV1Data(TypedDict):
    """The content of the event."""

    kind: Literal["confirmed", "cancelled", "dispatched"]


class NotificationSentV1(TypedDict):
    """NotificationSent, version 1. Amazon SES accepted the mail."""

    metadata: NotificationSentV1Metadata
    data: NotificationSentV1Data


class NotificationSentV2Metadata(TypedDict):
    """The metadata of every domain event."""

    event_id: str
    event_version: Literal[2]
    occurred_at: str
    order_id: str
    correlation_id: str
    causation_id: str
    traceparent: NotRequired[str]


class NotificationSentV2Data(TypedDict):
    """The content of the event."""

    kind: Literal["backordered", "confirmed", "cancelled", "dispatched"]


class NotificationSentV2(TypedDict):
    """NotificationSent, version 2. Amazon SES accepted the mail."""

    metadata: NotificationSentV2Metadata
    data: NotificationSentV2Data
