"""Stock: quantities of SKUs, and their moves between the counters of a SKU's row."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Quantities = dict[str, int]
"""How many of each SKU."""
Shortages = list[dict[str, Any]]
"""The SKUs there is too little of, each `{"sku", "requested", "available"}`."""

AVAILABLE, HELD, SOLD, REPLENISHED = "available", "held", "sold", "replenished"
COUNTERS: Final = (AVAILABLE, HELD, SOLD, REPLENISHED)
"""At every moment available + held + sold = replenished, and none is negative."""

MAX_SKUS: Final = 50
"""In one order or replenishment: a transaction takes 100 actions, and the reservation is one of them."""
MAX_QUANTITY: Final = 1_000_000
SKU_PATTERN: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class InvalidLines(ValueError):
    """Lines that no order or replenishment can have: a bug in the caller."""


@dataclass(frozen=True)
class Move:
    """`quantity` of `sku` from one counter, which must have so many, to another; from None, it comes from outside."""

    sku: str
    quantity: int
    source: str | None
    target: str


def check_sku(sku: Any) -> None:
    """Pass what can be a SKU. Raises InvalidLines."""
    if not isinstance(sku, str) or not SKU_PATTERN.fullmatch(sku):
        raise InvalidLines(f"{sku!r} is not a SKU: 1 to 64 of A-Z a-z 0-9 . _ -")


def merge(lines: Iterable[Mapping[str, Any]]) -> Quantities:
    """The quantities of `lines`, each `{"sku", "quantity"}`; lines of one SKU are added up. Raises InvalidLines."""
    merged: Quantities = {}
    for line in lines:
        sku, quantity = line["sku"], line["quantity"]
        check_sku(sku)
        if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
            raise InvalidLines(f"the quantity of {sku} is {quantity!r}; it must be an integer from 1")
        merged[sku] = merged.get(sku, 0) + quantity
        if merged[sku] > MAX_QUANTITY:
            raise InvalidLines(f"{merged[sku]} of {sku}; at most {MAX_QUANTITY}")
    if not 1 <= len(merged) <= MAX_SKUS:
        raise InvalidLines(f"{len(merged)} SKUs; it must be 1 to {MAX_SKUS}")
    return dict(sorted(merged.items()))


def as_lines(quantities: Quantities) -> list[dict[str, Any]]:
    """The lines of rows and events, one for each SKU."""
    return [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]


def moves(quantities: Quantities, source: str | None, target: str) -> tuple[Move, ...]:
    """All of `quantities` from one counter to another."""
    return tuple(Move(sku, quantity, source, target) for sku, quantity in quantities.items())
