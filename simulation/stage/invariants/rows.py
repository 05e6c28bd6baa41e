"""Rows as DynamoDB stores them, read attribute by attribute, and the statuses that several invariants name."""

from typing import Final

from simulation.engine.expressions import Item

ABSENT: Final = "∅"
"""The status of a row that does not exist."""
OWNED: Final = ("CONFIRMED", "CANCEL_REQUESTED")
"""Statuses of an order that is paid for, and keeps its goods."""
GOING_BACK: Final = ("CANCEL_REQUESTED", "REFUNDING")
"""Statuses of an order that waits for other services, and for an operator only if its refund is refused."""


def text_of(item: Item | None, name: str) -> str | None:
    """Return a string attribute, or None."""
    return None if item is None or name not in item else str(item[name].get("S"))


def number_of(item: Item, name: str) -> int:
    """Return a number attribute, or 0 if it is missing."""
    return int(item[name]["N"]) if name in item else 0


def status_of(item: Item | None) -> str:
    """Return a row's status, or ABSENT without a row."""
    return ABSENT if item is None else str(item["status"]["S"])


def amount_of(item: Item) -> tuple[int, str]:
    """Return the total of an order or payment: minor units and currency."""
    total = item["total"]["M"]
    return int(total["amount"]["N"]), str(total["currency"]["S"])


def lines_of(row: Item) -> list[tuple[str, int]]:
    """Return the lines of an order or a reservation, as (SKU, quantity)."""
    return [(line["M"]["sku"]["S"], int(line["M"]["quantity"]["N"])) for line in row["lines"]["L"]]


def original_of(order: Item) -> Item:
    """Return the lines and total that an order was placed with, before a part of it became unavailable."""
    original: Item = order["ordered"]["M"] if "ordered" in order else order
    return original


def fulfilment_of(order: Item) -> int:
    """Return 1 if the parcel of the order was dispatched, 2 if it was delivered, else 0."""
    return ("NONE", "DISPATCHED", "DELIVERED").index(str(text_of(order, "fulfilment")))
