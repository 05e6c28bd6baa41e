"""Time in UTC and RFC 3339; money in integers of minor units."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from kernel import clock
from kernel.money import Money, total

NOON = datetime(2026, 11, 23, 12, 0, 0, 123_999, tzinfo=UTC)


def test_clock_returns_utc() -> None:
    assert clock.now().tzinfo is UTC


def test_frozen_clock_runs_again_after_its_block() -> None:
    with clock.use_source(lambda: NOON):
        assert clock.now() == NOON
        with clock.use_source(lambda: NOON + timedelta(hours=1)):
            assert clock.now() == NOON + timedelta(hours=1)
        assert clock.now() == NOON
    assert clock.now() != NOON


def test_frozen_clock_runs_again_after_an_error() -> None:
    with pytest.raises(RuntimeError), clock.use_source(lambda: NOON):
        raise RuntimeError
    assert clock.now() != NOON


def test_times_are_written_in_utc_to_the_millisecond() -> None:
    assert clock.rfc3339(NOON) == "2026-11-23T12:00:00.123Z"
    assert clock.rfc3339(datetime(2026, 11, 23, 14, 0, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-23T12:00:00.000Z"


def test_written_times_sort_as_the_times_do() -> None:
    moments = [NOON + timedelta(milliseconds=step) for step in (-2000, -1, 0, 1, 60_000)]

    assert sorted(map(clock.rfc3339, moments)) == [clock.rfc3339(moment) for moment in moments]


@pytest.mark.parametrize("text", ["2026-11-23T12:00:00Z", "2026-11-23T12:00:00.000Z", "2026-11-23T14:00:00+02:00"])
def test_time_with_any_offset_is_read(text: str) -> None:
    assert clock.from_rfc3339(text) == NOON.replace(microsecond=0)


@pytest.mark.parametrize("text", ["2026-11-23T12:00:00", "yesterday", ""])
def test_time_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"offset|isoformat"):
        clock.from_rfc3339(text)


@pytest.mark.parametrize("amount", [1.0, "1", True, None])
def test_fraction_of_a_minor_unit_is_refused(amount: Any) -> None:
    with pytest.raises(TypeError, match="integer of minor units"):
        Money(amount, "USD")


@pytest.mark.parametrize("currency", ["usd", "US", "DOLLAR", "U5D", ""])
def test_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="not an ISO 4217 currency"):
        Money(1, currency)


@pytest.mark.parametrize("amount", [4998.5, "4998", float("inf"), float("nan"), 1e300, Decimal("1e40")])
def test_money_is_not_rounded_when_it_is_read(amount: Any) -> None:
    with pytest.raises(TypeError):
        Money.from_dict({"amount": amount, "currency": "USD"})


def test_money_adds_up_in_one_currency_only() -> None:
    assert Money(100, "EUR") + Money(77, "EUR") == Money(177, "EUR")
    assert Money(100, "EUR") * 3 == Money(300, "EUR")
    with pytest.raises(ValueError, match="cannot add USD to EUR"):
        Money(1, "EUR") + Money(1, "USD")


def test_total_of_no_amounts_is_zero() -> None:
    assert total([], "EUR") == Money(0, "EUR")
    assert total([Money(1, "EUR"), Money(2, "EUR")], "EUR") == Money(3, "EUR")


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (Money(4998, "USD"), "49.98 USD"),
        (Money(5, "USD"), "0.05 USD"),
        (Money(-5, "USD"), "-0.05 USD"),
        (Money(500, "JPY"), "500 JPY"),
        (Money(1234, "KWD"), "1.234 KWD"),
        (Money(500_000, "VND"), "500000 VND"),
        (Money(3000, "OMR"), "3.000 OMR"),
        (Money(1500, "CLP"), "1500 CLP"),
        (Money(1500, "ISK"), "1500 ISK"),
        (Money(1500, "XAF"), "1500 XAF"),
        (Money(1500, "TND"), "1.500 TND"),
        (Money(1500, "HRK"), "15.00 HRK"),
    ],
)
def test_money_is_shown_with_its_currency(money: Money, shown: str) -> None:
    assert str(money) == shown


def test_money_comes_back_from_its_dict() -> None:
    assert Money.from_dict(Money(4998, "USD").as_dict()) == Money(4998, "USD")
