"""The statements that order, payment and inventory pass to one another through the saga, each with a receipt."""

from typing import Literal, NotRequired, TypedDict

from kernel.money import MoneyDict

IfShort = Literal["REJECT", "ALLOW_PARTIAL", "BACK_ORDER"]
"""The rule if some of an order is not in stock: nothing at all, send what there is, or wait for all of it."""


class Quantity(TypedDict):
    """So many of a SKU."""

    sku: str
    quantity: int


class Shortage(TypedDict):
    """A SKU that is not available in the quantity that was requested."""

    sku: str
    requested: int
    available: int


class Payable(TypedDict):
    """The order's statement of the amount to authorise and of the payment method to charge."""

    total: MoneyDict
    payment_token: str


class Wanted(TypedDict):
    """The order's statement of the stock to reserve."""

    lines: list[Quantity]
    if_short: IfShort


class OrderStatement(TypedDict):
    """The order's statement of its status, as `outcome`. Each `seen` is the row, as `kernel.seen_rows` reads it."""

    outcome: str
    reason: str | None
    total: MoneyDict
    seen: NotRequired[str]


class PaymentStatement(TypedDict):
    """The payment's statement of its own state.

    AUTHORIZED may have the gateway's limits of a capture. `at_least` is the least amount, in minor units, and an amount is a
    multiple of `multiple_of`. `capture_before` is the time in RFC 3339 (UTC) at which the authorisation ends.
    """

    outcome: str
    reason: NotRequired[str]
    at_least: NotRequired[int]
    multiple_of: NotRequired[int]
    capture_before: NotRequired[str]
    seen: NotRequired[str]


class StockStatement(TypedDict):
    """The reservation's statement of its own state."""

    outcome: str
    lines: NotRequired[list[Quantity]]
    reason: NotRequired[str]
    short: NotRequired[list[Shortage]]
    seen: NotRequired[str]
