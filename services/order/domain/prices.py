"""Prices and titles: the form that each must have, and the prices that an order finds."""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel.currencies import MINOR_DIGITS
from kernel.errors import RejectedError
from kernel.identifiers import ID_FORM, PERSONAL, SKU, is_personal
from kernel.money import MAX_PRICE, Money

MAX_TITLE = 100
"""The most characters of a title."""
MAX_PRICES = 100
"""How many prices one command sets."""


class InvalidPriceError(RejectedError, ValueError):
    """A price that the catalogue cannot have. The text names its field, `prices[3].currency`."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")


@dataclass(frozen=True)
class Offer:
    """The prices of the SKUs that orders name, by SKU, and the customers of these orders that have a contact."""

    prices: Mapping[str, Money]
    reachable: frozenset[str]


def check_price(entry: Mapping[str, object], where: str) -> Money:
    """Return the price in `{"sku", "amount", "currency"}`. Raises InvalidPriceError."""
    for name in ("sku", "amount", "currency"):
        if not isinstance(entry, Mapping) or name not in entry:
            raise InvalidPriceError(f"{where}.{name}", "is missing")
    sku, currency = entry["sku"], entry["currency"]
    if not isinstance(sku, str) or not SKU.fullmatch(sku):
        raise InvalidPriceError(f"{where}.sku", ID_FORM)
    if is_personal(sku):
        raise InvalidPriceError(f"{where}.sku", PERSONAL)
    if not isinstance(currency, str) or currency not in MINOR_DIGITS:
        raise InvalidPriceError(f"{where}.currency", "must be a currency of ISO 4217 that things are sold in, such as USD")
    try:
        price = Money.from_dict({"amount": entry["amount"], "currency": currency})
    except (TypeError, ArithmeticError):
        raise InvalidPriceError(f"{where}.amount", "must be an integer of minor units, such as 1250 for 12.50 USD") from None
    if not 0 <= price.amount <= MAX_PRICE:
        raise InvalidPriceError(f"{where}.amount", f"must be from 0 to {MAX_PRICE} minor units")
    return price


def check_title(entry: Mapping[str, object], where: str) -> str | None:
    """Return the title in `{"title"}`, None without one: customers read it in their mails. Raises InvalidPriceError."""
    title = entry.get("title")
    if title is None:
        return None
    if not isinstance(title, str) or not title.isprintable() or not title.strip() or len(title) > MAX_TITLE:
        raise InvalidPriceError(f"{where}.title", f"must be a text of 1 to {MAX_TITLE} printable characters")
    return title.strip()
