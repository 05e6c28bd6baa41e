"""The reason why an order waits, in words, from its row alone; and why a row of another service about it waits."""

from collections.abc import Mapping
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
OF_SERVICES: Final[Mapping[str, Mapping[str, str]]] = {
    "payment": {
        "AUTHORIZING": "the gateway's answer to the authorisation is missing",
        "CAPTURING": "the gateway's answer to the capture is missing",
        "VOIDING": "the gateway's answer to the release of the money is missing",
        "REFUNDING": "the gateway's answer to the refund is missing",
        "REFUND_REFUSED": "the gateway refuses the refund; an operator retries or settles it",
    },
    "inventory": {"WAITING": "the order is in the queue of a SKU that is short"},
    "shipping": {
        "CREATED": "the parcel is not booked yet",
        "BOOKING": "the carrier's answer to the booking is missing",
        "DISPATCHED": "the carrier has not delivered the parcel yet",
    },
    "notification": {
        "CLAIMED": "the answer of SES is missing",
        "UNSENT": "SES refused the call; the mail is tried again",
    },
}
"""The reason by service and status of its row, for each status from which that service goes on."""


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
