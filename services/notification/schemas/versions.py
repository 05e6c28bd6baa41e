"""How a version of a notification event becomes the next, and the last."""

from kernel.versions import Casts, Data, Downcasts


def v1_to_v2(data: Data) -> Data:
    """Return the data unchanged: version 2 has the same fields."""
    return data


def v2_to_v1(data: Data) -> Data | None:
    """Version 1 knows no back-orders."""
    return None if data["kind"] == "backordered" else data


UPCASTS: Casts = {("NotificationSent", 1): v1_to_v2, ("NotificationFailed", 1): v1_to_v2}
DOWNCASTS: Downcasts = {("NotificationSent", 2): v2_to_v1, ("NotificationFailed", 2): v2_to_v1}
