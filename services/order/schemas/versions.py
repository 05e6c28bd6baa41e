"""How a version of an order event becomes the next, and the last."""

from services.kernel.versions import Casts, Data


def placed_v1_to_v2(data: Data) -> Data:
    """A unit price is money: its currency was the total's."""
    currency = data["total"]["currency"]
    lines = [{**line, "unit_price": {"amount": line["unit_price"], "currency": currency}} for line in data["lines"]]
    return {**data, "lines": lines}


def placed_v2_to_v1(data: Data) -> Data:
    """A unit price is its amount."""
    return {**data, "lines": [{**line, "unit_price": line["unit_price"]["amount"]} for line in data["lines"]]}


UPCASTS: Casts = {("OrderPlaced", 1): placed_v1_to_v2}
DOWNCASTS: Casts = {("OrderPlaced", 2): placed_v2_to_v1}
