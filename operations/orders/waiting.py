"""The reason why an order waits, in words, from its row alone."""

from typing import Final, TypedDict

from operations.orders.store import ListedOrder

TRIED_AGAIN: Final = frozenset({"PENDING", "CONFIRMING", "CANCELLING", "BACKORDERED", "CANCEL_REQUESTED", "REFUNDING"})
"""The statuses at which the sweeper tries the order again at `next_due`."""
UNAVAILABLE: Final = {"PAYMENT_UNAVAILABLE": "payment", "INVENTORY_UNAVAILABLE": "inventory"}
REASONS: Final = {
    "PENDING": "the saga has not decided yet",
    "BACKORDERED": "stock is short; the order goes on when goods arrive",
    "CONFIRMING": "the capture of the money or the commit of the stock is missing",
    "CANCELLING": "money or stock is not released yet",
    "CANCEL_REQUESTED": "shipping has not yet said whether it can keep the parcel",
}
"""The reason by status, for an order that no service left without an answer."""
PARCELS: Final = {"NONE": "the parcel is not dispatched yet", "DISPATCHED": "the parcel is on its way"}
"""The reason by fulfilment, for an order that is confirmed."""


class Waiting(TypedDict):
    """The reason in words, and the times in RFC 3339 (UTC) at which something happens, or None.

    The sweeper tries the order again at `next_try`. The card's bank releases the money at `ends_at`.
    """

    why: str
    next_try: str | None
    ends_at: str | None


def waiting(order: ListedOrder) -> Waiting | None:
    """Return why an order waits, or None if it is cancelled or delivered: nothing more happens to it."""
    why = _reason(order)
    if why is None:
        return None
    tried = order["status"] in TRIED_AGAIN
    ends_at = order.get("held_until") if order["status"] == "BACKORDERED" else None
    return {"why": why, "next_try": order.get("next_due") if tried else None, "ends_at": ends_at}


def _reason(order: ListedOrder) -> str | None:
    status = order["status"]
    if status in ("PENDING", "BACKORDERED") and (silent := UNAVAILABLE.get(order.get("unavailable", ""))):
        return f"{silent} gave no answer at try {order['attempts']}"
    if status == "REFUNDING":
        missing = {"the refund": order.get("refunded"), "the return of the stock": order.get("restocked")}
        return f"{' and '.join(name for name, done in missing.items() if not done)} is missing"
    if status == "CONFIRMED":
        return PARCELS.get(order["fulfilment"])
    return REASONS.get(status)
