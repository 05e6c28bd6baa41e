"""Amounts in Stripe's units, by Stripe's own list (https://docs.stripe.com/currencies, read in November 2026).

Orderflow's amounts are in minor units of ISO 4217. So are Stripe's, except for the currencies below. Stripe's rules for
payouts alone (HUF, TWD) are missing here, because the service only charges and refunds.
"""

from typing import Final

from kernel.errors import RejectedError
from kernel.money import Money

ZERO_DECIMAL: Final = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
"""Stripe's list without UGX, which is a special case below."""
THREE_DECIMAL: Final = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
"""The last digit of an amount must be 0."""
HUNDREDTHS_OF_WHOLE_UNITS: Final = frozenset({"ISK", "UGX"})
"""No minor unit in ISO 4217; Stripe takes hundredths, which must be 00."""
WHOLE_UNITS_OF_HUNDREDTHS: Final = frozenset({"MGA"})
"""Two digits in ISO 4217 (a fifth of an ariary is written 0.20); Stripe takes whole ariary."""
MULTIPLES: Final = {**dict.fromkeys(THREE_DECIMAL, 10), **dict.fromkeys(WHOLE_UNITS_OF_HUNDREDTHS, 100)}
"""Stripe's unit in minor units of ISO 4217, if it is more than one. An amount must be a multiple of it."""
SMALLEST: Final = {
    **dict.fromkeys(["AUD", "BRL", "CAD", "CHF", "EUR", "INR", "NZD", "SGD", "USD"], 50),
    **dict.fromkeys(["AED", "MYR", "PLN", "RON"], 200),
    **dict.fromkeys(["NOK", "SEK"], 300),
    **dict.fromkeys(["MXN", "THB"], 1000),
    "CZK": 1500,
    "DKK": 250,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "JPY": 50,
}
"""The least amount that Stripe charges, in minor units of ISO 4217. For other currencies it depends on the account."""
MORE_DIGITS: Final = {"COP": 10, "HUF": 10, "IDR": 12, "INR": 9, "JPY": 10, "LBP": 10}
"""How many digits an amount may have at Stripe, if more than eight."""

TOO_SMALL, TOO_LARGE, NOT_IN_UNITS = "amount_too_small", "amount_too_large", "amount_not_in_units_of_the_gateway"


class AmountRefusedError(RejectedError):
    """Stripe can never charge this amount. `reason` is a word, for example `amount_too_small`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def stripe_amount(money: Money) -> int:
    """Return the amount in Stripe's units. Raises AmountRefusedError for an amount that Stripe can never charge."""
    amount, currency = money.amount, money.currency
    if amount < smallest(currency):
        raise AmountRefusedError(TOO_SMALL)
    if currency in HUNDREDTHS_OF_WHOLE_UNITS:
        amount *= 100
    if amount % unit(currency):
        raise AmountRefusedError(NOT_IN_UNITS)
    if currency in WHOLE_UNITS_OF_HUNDREDTHS:
        amount //= 100
    if amount >= 10 ** MORE_DIGITS.get(currency, 8):
        raise AmountRefusedError(TOO_LARGE)
    return amount


def money_of(amount: int, currency: str) -> Money:
    """Return the money of an amount in Stripe's units; `currency` is in upper or lower case."""
    currency = currency.upper()
    if currency in HUNDREDTHS_OF_WHOLE_UNITS:
        amount //= 100
    if currency in WHOLE_UNITS_OF_HUNDREDTHS:
        amount *= 100
    return Money(amount, currency)


def smallest(currency: str) -> int:
    """Return the least amount, in minor units of ISO 4217, that Stripe charges or captures. At least 1."""
    return SMALLEST.get(currency, 1)


def unit(currency: str) -> int:
    """Return the amount, in minor units of ISO 4217, that Stripe charges or captures multiples of. 1 for most currencies."""
    return MULTIPLES.get(currency, 1)
