"""The number of an order: the short form of its id that a customer reads out on the phone (ADR 48)."""

import re
from typing import Final

LENGTH: Final = 10
"""The characters of a number: 50 bits of the id."""
NUMBER_FORM: Final = "must be a number such as AE2RY-IQQ5H: ten of A-Z and 2-7"
_DIGITS_MEANT_AS_LETTERS: Final = str.maketrans("018", "oib")
"""An id has none of these digits, so each of them is a letter that was misread."""


def number_of(order_id: str) -> str:
    """Return the number of an order.

    Example:
        >>> number_of("ord-ae2ryiqq5hnkd3tqqsyblahvqe")
        'AE2RY-IQQ5H'
    """
    begin = order_id.removeprefix("ord-")[:LENGTH].upper()
    return f"{begin[:5]}-{begin[5:]}"


def begin_of_id(number: str) -> str | None:
    """Return the begin of the ids that have this number, as a person typed it; None if it is not a number.

    Case, spaces and hyphens do not count, and 0, 1 and 8 stand for O, I and B.

    Example:
        >>> begin_of_id("ae2ry iqq5h")
        'ord-ae2ryiqq5h'
    """
    plain = re.sub(r"[\s-]", "", number).lower().translate(_DIGITS_MEANT_AS_LETTERS)
    return f"ord-{plain}" if re.fullmatch(rf"[a-z2-7]{{{LENGTH}}}", plain) else None
