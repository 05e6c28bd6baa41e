"""How a version of an order event becomes the next, and the last."""

from kernel.versions import Casts, Data, Downcasts


def placed_v1_to_v2(data: Data) -> Data:
    """Make each unit price money in the currency of the total."""
    currency = data["total"]["currency"]
    lines = [{**line, "unit_price": {"amount": line["unit_price"], "currency": currency}} for line in data["lines"]]
    return {**data, "lines": lines}


def placed_v2_to_v1(data: Data) -> Data:
    """Reduce each unit price to its amount, and drop what to do if stock is short."""
    known = {name: value for name, value in data.items() if name != "if_short"}
    return {**known, "lines": [{**line, "unit_price": line["unit_price"]["amount"]} for line in data["lines"]]}


def placed_v2_to_v3(data: Data) -> Data:
    """Drop the payment token, which stays in the order's row."""
    return {name: value for name, value in data.items() if name != "payment_token"}


def placed_v3_to_v2(data: Data) -> None:
    """Version 2 requires a payment token, which no event carries any longer: it is not published."""


def cancelled_v1_to_v2(data: Data) -> Data:
    """Only what was never confirmed could be cancelled."""
    return {**data, "confirmed": False}


def cancelled_v2_to_v1(data: Data) -> Data | None:
    """Drop what version 1 cannot express: an order that was confirmed before, and a request not made by the customer."""
    if data["confirmed"]:
        return None
    reason = "CUSTOMER" if data["reason"] == "OPERATOR" else data["reason"]
    return {name: value for name, value in {**data, "reason": reason}.items() if name != "confirmed"}


UPCASTS: Casts = {
    ("OrderPlaced", 1): placed_v1_to_v2,
    ("OrderPlaced", 2): placed_v2_to_v3,
    ("OrderCancelled", 1): cancelled_v1_to_v2,
}
DOWNCASTS: Downcasts = {
    ("OrderPlaced", 3): placed_v3_to_v2,
    ("OrderPlaced", 2): placed_v2_to_v1,
    ("OrderCancelled", 2): cancelled_v2_to_v1,
}
