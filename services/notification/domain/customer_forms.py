"""Amounts, dates and countries as a customer reads them: in English, by the customs of the customer's country.

Babel has the customs (Unicode CLDR). It is imported with the first mail, because a cold start pays for each import.
"""

from copy import copy
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Final

from kernel.addresses import Address
from kernel.currencies import MINOR_DIGITS
from kernel.money import Money

if TYPE_CHECKING:
    from babel import Locale

ANYWHERE: Final = "en_001"
"""The locale of a country for which CLDR has no English one: the day before the month, and dollars as US$."""


@cache
def locale_of(country: str) -> "Locale":
    """Return the English locale of a country (ISO 3166-1, two letters)."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(f"en_{country}")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(ANYWHERE)


def amount(money: Money, locale: "Locale") -> str:
    """Return an amount with all digits of its currency: `$49.98`, `49,98 €`."""
    digits = MINOR_DIGITS.get(money.currency, 2)
    form = copy(locale.currency_formats["standard"])
    # ISO 4217's digits, in which the amount was charged. CLDR has fewer for some currencies, and would round.
    form.frac_prec = (digits, digits)
    shown: str = form.apply(Decimal(money.amount).scaleb(-digits), locale, currency=money.currency, currency_digits=False)
    return shown


def date(moment: datetime, locale: "Locale") -> str:
    """Return the day of a moment, in UTC: `November 29, 2026`, `29 November 2026`."""
    from babel.dates import format_date

    return format_date(moment.date(), "long", locale)


def address(name: str, parts: Address, locale: "Locale") -> list[str]:
    """Return the lines of a postal address, with the country by its name."""
    country = locale.territories.get(parts["country"], parts["country"])
    place = " ".join(filter(None, (parts["city"], parts.get("region"), parts["postal_code"])))
    return [line for line in (name, parts["line1"], parts.get("line2", ""), place, country) if line]
