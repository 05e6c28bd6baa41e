"""Ids from outside: no card number and no address passes for one, and few ids of a shop's own are taken for one."""

import random
import uuid

import pytest

from kernel.identifiers import is_personal, personal_field, shown

VISA = "4111111111111111"


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111_1111_1111_1111",
        "4111  -  1111  -  1111  -  1111",
        "41-11-11-11-11-11-11-11",
        "4111 11111111 1111",
        "41111111 1111 1111",
        "4111 1111 11111111",
        "411111 1111111111",
        "order 12 411111 1111111111",
        "2026-11-23 4111 11111111 1111",
        "tel 030-1234: 4111 11111111 1111",
        "4111%201111%201111%201111",
        "4111%252011111111%25201111",
        "4222222222222",
        "4000000000000000006",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "3782 822463 10005",
        "30569309025904",
        "3056-930902-5904",
        "6011111111111117",
        "3530111333300000",
        "6200000000000005",
        "6304000000000000",
        "9792030000000000",
        f"card{VISA}",
        f"order 12 {VISA}",
        "order 12 4111 1111 1111 1111",
        f"pm_{VISA}",
        "joe@example.com",
        "joe@example.com 1 Main St",
        "joe @ example.com",
        "joe@ example.com",
        "joe\uff20example.com",
        "".join(chr(ord(digit) - ord("0") + 0xFF10) for digit in VISA),
        "".join(chr(ord(digit) - ord("0") + 0x0660) for digit in VISA),
        "joe%40example.com",
        "joe%2540example.com",
        "joe%252540example.com",
        "<joe@localhost>",
    ],
)
def test_card_number_or_address_is_personal(text: str) -> None:
    assert is_personal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice",
        "cdnow-00004",
        "CD-1466",
        "4111111111111112",
        "1732800000000",
        "20261128183000",
        "2026-11-28T18:29:16.123Z",
        "4006381333931",
        "00004-19970101-2-2933-1",
        "40004-19970101-2-2933-1",
        "v2@",
        "pm_card_visa",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_id_of_a_shop_is_not_personal(text: str) -> None:
    assert not is_personal(text)


def test_uuid_or_digest_is_not_a_card_number() -> None:
    chance = random.Random(12)
    for _ in range(20_000):
        number = uuid.UUID(int=chance.getrandbits(128), version=4)
        for key in (str(number), number.hex, f"cart-{number}", f"{number}-2"):
            assert not is_personal(key), key


def test_ids_of_customer_date_and_count_are_not_card_numbers() -> None:
    """A tenth of them has the right check digit, and they have the sizes in which people write cards with blanks."""
    for count in range(1000):
        for key in (
            f"4{count:03}-20261128-{count:04}",
            f"{count:04}-4111-{20261128 + count}",
            f"400{count:03}-1732800{count:03}",
            f"41{count:06}.2026.{count:04}",
            f"1{count:014}",
            f"{1732800000000 + count}",
            f"{1732800000000000 + count}",
        ):
            assert not is_personal(key), key


def test_personal_text_is_reported_by_its_field() -> None:
    assert personal_field({"lines": [{"sku": "MUG"}, {"sku": VISA}]}) == "lines[1].sku"
    assert personal_field({"data": {VISA: 1}}) == "data"
    assert personal_field({"lines": [{"sku": "MUG", "quantity": 4111111111111111}]}) is None


def test_shown_text_is_short_printable_and_not_personal() -> None:
    assert shown("orderflow.channel.SHOP/é") == "orderflow.channel.SHOP/é"
    assert shown("a\r\n\x1b[31mb") == "a???[31mb"
    assert shown("x" * 1000) == "x" * 100 + "..."
    assert shown(f"orderflow.channel.{VISA}") == shown(None) == "(not shown)"


def test_long_text_is_checked_in_linear_time() -> None:
    assert not is_personal("1-" * 500_000)
