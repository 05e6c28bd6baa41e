"""Amounts as Stripe takes them, held against Stripe's own list: https://docs.stripe.com/currencies."""

import pytest

from kernel.currencies import MINOR_DIGITS
from kernel.money import Money
from services.payment.gateways.stripe_currencies import AmountRefusedError, money_of, smallest, stripe_amount, unit

ZERO_DECIMAL = ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
"""Zero-decimal at Stripe and in ISO 4217: both take whole units."""


@pytest.mark.parametrize("currency", ZERO_DECIMAL)
def test_a_zero_decimal_currency_is_charged_in_whole_units(currency: str) -> None:
    assert stripe_amount(Money(500, currency)) == 500
    assert str(Money(500, currency)) == f"500 {currency}", "our own books read it so too"


@pytest.mark.parametrize(
    ("ours", "stripes"),
    [
        (Money(1000, "USD"), 1000),
        (Money(5120, "KWD"), 5120),
        (Money(5, "ISK"), 500),
        (Money(5, "UGX"), 500),
        (Money(500, "MGA"), 5),
        (Money(17500, "HUF"), 17500),
        (Money(80045, "TWD"), 80045),
    ],
)
def test_amounts_equal_the_examples_of_stripe(ours: Money, stripes: int) -> None:
    assert stripe_amount(ours) == stripes
    assert money_of(stripes, ours.currency.lower()) == ours


@pytest.mark.parametrize("currency", ["BHD", "JOD", "KWD", "OMR", "TND"])
def test_the_last_of_three_decimals_must_be_zero(currency: str) -> None:
    assert stripe_amount(Money(1230, currency)) == 1230
    with pytest.raises(AmountRefusedError, match="amount_not_in_units_of_the_gateway"):
        stripe_amount(Money(1234, currency))
    assert str(Money(1234, currency)) == f"1.234 {currency}"


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        (50, "USD"),
        (30, "GBP"),
        (200, "AED"),
        (1500, "CZK"),
        (250, "DKK"),
        (400, "HKD"),
        (17500, "HUF"),
        (50, "JPY"),
        (1000, "MXN"),
    ],
)
def test_less_than_stripes_minimum_is_refused(amount: int, currency: str) -> None:
    assert stripe_amount(Money(amount, currency)) == amount
    with pytest.raises(AmountRefusedError, match="amount_too_small"):
        stripe_amount(Money(amount - 1, currency))


@pytest.mark.parametrize(("digits", "currency"), [(8, "USD"), (12, "IDR"), (10, "JPY"), (8, "ISK")])
def test_more_digits_than_stripe_takes_are_refused(digits: int, currency: str) -> None:
    most = 10**digits - 1
    assert stripe_amount(Money(most // 100 if currency == "ISK" else most, currency))
    with pytest.raises(AmountRefusedError, match="amount_too_large"):
        stripe_amount(Money(most + 1, currency))


@pytest.mark.parametrize("currency", MINOR_DIGITS)
def test_each_part_within_the_stated_limits_can_be_captured(currency: str) -> None:
    """The order is decided by these limits alone: the gateway must not refuse a part for another reason after that."""
    total = next(amount for amount in range(20_000, 20_100) if is_charged(amount, currency))
    for part in range(1, total):
        is_within = part >= smallest(currency) and part % unit(currency) == 0
        assert is_charged(part, currency) == is_within, part


def is_charged(amount: int, currency: str) -> bool:
    try:
        stripe_amount(Money(amount, currency))
    except AmountRefusedError:
        return False
    return True
