"""Facts that the checks derive from single rows of an order."""

from collections.abc import Iterable, Mapping
from typing import Final

from kernel.aggregate_store import AggregateRow
from kernel.statements import Quantity
from kernel.transitions import ABSENT
from services.order.domain import states as order
from services.order.domain.model import Contents, OrderRow
from services.payment.domain import states as payment
from services.payment.domain.model import PaymentRow
from services.shipping.domain import states as shipping
from services.shipping.domain.model import ShipmentRow

ALLOW_PARTIAL: Final = "ALLOW_PARTIAL"
BACK_ORDER: Final = "BACK_ORDER"
PAID_FOR: Final = (order.CONFIRMED, order.CANCEL_REQUESTED)
"""Statuses of an order that is paid for and keeps its goods."""


def status_of(row: AggregateRow | None) -> str:
    """Return the status of a row, or ABSENT without a row."""
    return ABSENT if row is None else row["status"]


def was_confirmed(row: OrderRow) -> bool:
    """Return True if the order was ever CONFIRMED, whatever came after."""
    return row["status"] in (*PAID_FOR, order.REFUNDING) or "refunded" in row


def original_order(row: OrderRow) -> Contents:
    """Return the order's `lines` and `total` as they were placed."""
    return row["ordered"] if "ordered" in row else {"lines": row["lines"], "total": row["total"]}


def steps_to_void(paid: PaymentRow) -> int:
    """Return the number of steps of a payment until it was VOIDING, whether it is VOIDED by now or not."""
    return paid["version"] - (1 if paid["status"] == payment.VOIDED else 0)


def fulfilment_of(shipment: ShipmentRow | None) -> int:
    """Return how far the parcel is, as an index of the order's `FULFILMENT`."""
    return {shipping.DISPATCHED: 1, shipping.DELIVERED: 2}.get(status_of(shipment), 0)


def quantity_by_sku(lines: Iterable[Quantity]) -> dict[str, int]:
    """Return the quantity of each SKU in the lines."""
    return {line["sku"]: line["quantity"] for line in lines}


def sorted_lines(quantities: Mapping[str, int]) -> list[Quantity]:
    """Return quantities as lines, sorted by SKU, as inventory's rows have them."""
    return [{"sku": sku, "quantity": quantity} for sku, quantity in sorted(quantities.items())]


def bare_lines(lines: Iterable[Quantity]) -> list[Quantity]:
    """Return the lines with only their SKU and quantity."""
    return [{"sku": line["sku"], "quantity": line["quantity"]} for line in lines]
