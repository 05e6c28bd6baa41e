"""The conversions of notification events to the next version and to the previous one."""

from kernel.versions import Casts, Data, Downcasts


def v1_to_v2(data: Data) -> Data:
    """Return the data as it is: version 2 only adds a kind."""
    return data


def v2_to_v1(data: Data) -> Data | None:
    """Return the data as it is, or None for the kind `backordered`, which version 1 does not have."""
    return None if data["kind"] == "backordered" else data


UPCASTS: Casts = {("NotificationSent", 1): v1_to_v2, ("NotificationFailed", 1): v1_to_v2}
DOWNCASTS: Downcasts = {("NotificationSent", 2): v2_to_v1, ("NotificationFailed", 2): v2_to_v1}
