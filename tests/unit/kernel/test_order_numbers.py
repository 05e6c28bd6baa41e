"""The number of an order: the begin of its id, as a person writes or reads it out."""

import pytest

from kernel import order_numbers
from tests.support.choreography import ORDER

NUMBER = order_numbers.number_of("ord-ae2ryiqq5hnkd3tqqsyblahvqe")


def test_number_is_the_begin_of_the_id() -> None:
    assert NUMBER == "AE2RY-IQQ5H"
    assert order_numbers.number_of(ORDER) == "AAAAA-AAAAA"


@pytest.mark.parametrize("typed", ["AE2RY-IQQ5H", "ae2ryiqq5h", " ae2ry  iqq5h ", "A-E-2-R-Y-I-Q-Q-5-H", "AE2RY-1QQ5H"])
def test_number_is_found_however_it_is_typed(typed: str) -> None:
    assert order_numbers.begin_of_id(typed) == "ord-ae2ryiqq5h"


def test_digits_that_no_id_has_are_the_letters_that_look_like_them() -> None:
    assert order_numbers.begin_of_id("0O1I8-B2345") == "ord-ooiibb2345"


@pytest.mark.parametrize("text", ["", "AE2RY", "AE2RY-IQQ5HX", "AE2RY-IQQ5!", "AE2RY-IQQ59", "ord-ae2ryiqq5hnkd3tqqsyblahvqe"])
def test_other_text_is_no_number(text: str) -> None:
    assert order_numbers.begin_of_id(text) is None
