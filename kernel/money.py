"""Money: an integer of minor units with an ISO 4217 currency. Never a float."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypedDict

from kernel.currencies import MINOR_DIGITS

MAX_PRICE: Final = 10**12
"""The highest price of one piece, in minor units."""
MAX_TOTAL: Final = 10**15
"""The highest total of an order, in minor units: below 2**53, beyond which JSONata's numbers, which are doubles, change it."""


class MoneyDict(TypedDict):
    """Money in rows, events and commands: `amount` in minor units of `currency`."""

    amount: int
    currency: str


@dataclass(frozen=True)
class Money:
    """`amount` in minor units (cents for USD) of `currency` (ISO 4217, three capitals)."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, int) or isinstance(self.amount, bool):
            raise TypeError(f"money is an integer of minor units, not {self.amount!r}")
        if len(self.currency) != 3 or not self.currency.isalpha() or not self.currency.isupper():
            raise ValueError(f"{self.currency!r} is not an ISO 4217 currency such as USD")

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, quantity: int) -> "Money":
        return Money(self.amount * quantity, self.currency)

    def __str__(self) -> str:
        digits = MINOR_DIGITS.get(self.currency, 2)  # 2 of a currency that was withdrawn since the row was written
        if digits == 0:
            return f"{self.amount} {self.currency}"
        sign, whole = "-" if self.amount < 0 else "", abs(self.amount)
        return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d} {self.currency}"

    def as_dict(self) -> MoneyDict:
        """Return `{"amount": 1177, "currency": "USD"}`."""
        return {"amount": self.amount, "currency": self.currency}

    @staticmethod
    def from_dict(value: Mapping[str, Any]) -> "Money":
        """Parse money in its row, event or command form. Raises TypeError rather than round; JSON's `4998.0` is whole."""
        amount = value["amount"]
        if isinstance(amount, float | Decimal) and -(2**53) <= amount <= 2**53 and amount == int(amount):
            amount = int(amount)
        return Money(amount, value["currency"])


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Return the sum, or zero of `currency` without amounts."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result
