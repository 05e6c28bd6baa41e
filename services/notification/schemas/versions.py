"""The conversions of notification events to the next version and to the previous one."""

from typing import TYPE_CHECKING

from kernel.versions import Casts, Downcasts

if TYPE_CHECKING:  # a consumer's bundle has these casts, and not the models
    from services.notification.schemas.models import (
        NotificationFailedV1Data,
        NotificationFailedV2Data,
        NotificationSentV1Data,
        NotificationSentV2Data,
    )


def sent_v1_to_v2(data: "NotificationSentV1Data") -> "NotificationSentV2Data":
    """Return the data as it is: version 2 only adds a kind."""
    return {"kind": data["kind"]}


def sent_v2_to_v1(data: "NotificationSentV2Data") -> "NotificationSentV1Data | None":
    """Return the data as it is, or None for the kind `backordered`, which version 1 does not have."""
    kind = data["kind"]
    return None if kind == "backordered" else {"kind": kind}


def failed_v1_to_v2(data: "NotificationFailedV1Data") -> "NotificationFailedV2Data":
    """Return the data as it is: version 2 only adds a kind."""
    return {"kind": data["kind"], "reason": data["reason"]}


def failed_v2_to_v1(data: "NotificationFailedV2Data") -> "NotificationFailedV1Data | None":
    """Return the data as it is, or None for the kind `backordered`, which version 1 does not have."""
    kind = data["kind"]
    return None if kind == "backordered" else {"kind": kind, "reason": data["reason"]}


UPCASTS: Casts = {("NotificationSent", 1): sent_v1_to_v2, ("NotificationFailed", 1): failed_v1_to_v2}
DOWNCASTS: Downcasts = {("NotificationSent", 2): sent_v2_to_v1, ("NotificationFailed", 2): failed_v2_to_v1}
