"""How a version of an order event becomes the next, and the last."""

from typing import TYPE_CHECKING

from kernel.versions import Casts, Downcasts

if TYPE_CHECKING:  # a consumer's bundle has these casts, and not the models
    from services.order.schemas.models import (
        OrderCancelledV1Data,
        OrderCancelledV2Data,
        OrderPlacedV1Data,
        OrderPlacedV2Data,
        OrderPlacedV3Data,
    )


def placed_v1_to_v2(data: "OrderPlacedV1Data") -> "OrderPlacedV2Data":
    """Make each unit price money in the currency of the total."""
    currency = data["total"]["currency"]
    return {
        "customer_id": data["customer_id"],
        "channel": data["channel"],
        "lines": [
            {
                "sku": line["sku"],
                "quantity": line["quantity"],
                "unit_price": {"amount": line["unit_price"], "currency": currency},
            }
            for line in data["lines"]
        ],
        "total": data["total"],
        "payment_token": data["payment_token"],
        "respond": data["respond"],
    }


def placed_v2_to_v1(data: "OrderPlacedV2Data") -> "OrderPlacedV1Data":
    """Reduce each unit price to its amount, and drop what to do if stock is short."""
    return {
        "customer_id": data["customer_id"],
        "channel": data["channel"],
        "lines": [
            {"sku": line["sku"], "quantity": line["quantity"], "unit_price": line["unit_price"]["amount"]}
            for line in data["lines"]
        ],
        "total": data["total"],
        "payment_token": data["payment_token"],
        "respond": data["respond"],
    }


def placed_v2_to_v3(data: "OrderPlacedV2Data") -> "OrderPlacedV3Data":
    """Drop the payment token, which stays in the order's row."""
    placed: OrderPlacedV3Data = {
        "customer_id": data["customer_id"],
        "channel": data["channel"],
        "lines": data["lines"],
        "total": data["total"],
        "respond": data["respond"],
    }
    if "if_short" in data:
        placed["if_short"] = data["if_short"]
    return placed


def placed_v3_to_v2(data: "OrderPlacedV3Data") -> None:
    """Version 2 requires a payment token, which no event carries any longer: it is not published."""


def cancelled_v1_to_v2(data: "OrderCancelledV1Data") -> "OrderCancelledV2Data":
    """Only what was never confirmed could be cancelled."""
    return {"customer_id": data["customer_id"], "reason": data["reason"], "total": data["total"], "confirmed": False}


def cancelled_v2_to_v1(data: "OrderCancelledV2Data") -> "OrderCancelledV1Data | None":
    """Drop what version 1 cannot express: an order that was confirmed before, and a request not made by the customer.

    Only an order that was confirmed can be cancelled because of its parcel.
    """
    reason = data["reason"]
    if data["confirmed"] or reason == "NO_ADDRESS" or reason == "CARRIER_REFUSED":
        return None
    return {
        "customer_id": data["customer_id"],
        "reason": "CUSTOMER" if reason == "OPERATOR" else reason,
        "total": data["total"],
    }


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
