"""The data of the notification service's events, typed. Made by `orderctl schemas build`: change the schemas."""

from typing import Literal, NotRequired, TypedDict


class NotificationFailedV1Data(TypedDict):
    """The data of NotificationFailed, version 1. The mail will not be sent, or its sending is unknown."""

    kind: Literal["confirmed", "cancelled", "dispatched"]
    reason: Literal["NO_CONTACT", "ADDRESS_REFUSED", "SENDING_UNKNOWN"]


class NotificationFailedV2Data(TypedDict):
    """The data of NotificationFailed, version 2. The mail will not be sent, or its sending is unknown."""

    kind: Literal["backordered", "confirmed", "cancelled", "dispatched"]
    reason: Literal["NO_CONTACT", "ADDRESS_REFUSED", "SENDING_UNKNOWN"]


class NotificationSentV1Data(TypedDict):
    """The data of NotificationSent, version 1. Amazon SES accepted the mail."""

    kind: Literal["confirmed", "cancelled", "dispatched"]


class NotificationSentV2Data(TypedDict):
    """The data of NotificationSent, version 2. Amazon SES accepted the mail."""

    kind: Literal["backordered", "confirmed", "cancelled", "dispatched"]
