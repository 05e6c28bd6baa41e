"""Ids that come from outside: the form each has, and that none of them is personal data.

Ids stand in rows, events, the archive, the journal and logs, and cannot be erased there. So a card number or an e-mail
address is refused where an id belongs, and a refusal never repeats it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

ORDER_ID: Final = re.compile(r"ord-[a-z2-7]{26}")
CUSTOMER_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
SKU: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
ID_FORM: Final = "must be 1 to 64 of A-Z a-z 0-9 . _ -"
"""The form of a customer's id and of a SKU, in words."""
CHANNEL: Final = re.compile(r"(?!api$)[a-z0-9][a-z0-9-]{0,31}")
CHANNEL_FORM: Final = "a channel name has 1 to 32 characters of a-z, 0-9 and -, does not start with -, and is not `api`"
CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
PERSONAL: Final = "looks like a card number or an e-mail address; send an id of your own that is neither"

_HEX_ID: Final = re.compile(r"[0-9A-Fa-f]{32,}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
"""UUIDs and digests: random digits, among which a valid card number comes up by chance."""
_ADDRESS: Final = re.compile(r"\S\s{0,9}@\s{0,9}\S")
"""An e-mail address may have blanks around its @ (RFC 5322, section 3.4.1)."""
_DIGITS: Final = re.compile(r"[0-9]+(?:[^0-9A-Za-z]{1,9}[0-9]+)*")
"""Groups of digits, with at most nine signs between them."""
_CARD: Final = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}){0,2}"  # Visa
    r"|(?:5[0-9]|2[2-7])[0-9]{14}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3[0689][0-9]{12,17}"  # Diners Club
    r"|35[0-9]{14,17}"  # JCB
    r"|(?:50|5[6-9]|6[0-9]|8[1-2])[0-9]{11,17}"  # Discover, Maestro, RuPay, UnionPay
    r"|9792[0-9]{12}"  # Troy
)
_BY_FIVES: Final = ((4, 6, 5), (4, 6, 4))
"""How the cards of 15 and of 14 digits are written."""
_BY_BLANKS: Final = ((4, 8, 4), (8, 4, 4), (4, 4, 8), (6, 10))
"""How else people write 16 digits. With other signs than blanks between them, a shop's own ids have these sizes."""
_MOST_ENCODED: Final = 3
"""How often a text is percent-decoded, if that changes it."""
_GTIN_LENGTHS: Final = frozenset({13, 14, 18})
"""Digits of an article's number (EAN, GTIN) and of a parcel's (SSCC), which a shop may have for a SKU or a key."""
_SHOWN: Final = 100
_READ: Final = 2000
"""How many characters are looked at: no id has more."""


def order_id_in(text: str) -> str | None:
    """Return the id of the order that a row's key names, such as `PAY#ord-...`, or None."""
    found = ORDER_ID.search(text)
    return found.group() if found else None


def is_personal(text: str) -> bool:
    """Return whether a text has a card number or an e-mail address in it, percent-encoded or not, in digits of any script."""
    return any(_has_address(form) or _has_card_number(form) for form in _forms(text))


def has_card_number(text: str) -> bool:
    """Return whether a text has a card number in it, where an e-mail address is allowed."""
    return any(map(_has_card_number, _forms(text)))


def personal_field(value: object, where: str = "") -> str | None:
    """Return the place of the first text in a JSON value that is personal, a name of a member too; None if there is none."""
    return next((place for place, text in _texts(value, where) if is_personal(text)), None)


def shown(text: object) -> str:
    """Return a text that came from outside in a form fit for logs and reasons: printable, short, and no personal data."""
    if not isinstance(text, str) or is_personal(text):
        return "(not shown)"
    plain = "".join(sign if sign.isprintable() else "?" for sign in text[:_SHOWN])
    return plain if len(text) <= _SHOWN else f"{plain}..."


def _forms(text: str) -> set[str]:
    form = text[:_READ]
    forms = {form}
    for _ in range(_MOST_ENCODED):
        form = unquote(form)
        forms.add(form)
    return set(map(_in_ascii, forms))


def _in_ascii(text: str) -> str:
    """Return the text with the digits and signs of other scripts and widths as those of ASCII."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text)
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in plain)


def _has_address(text: str) -> bool:
    return bool(_ADDRESS.search(text))


def _has_card_number(text: str) -> bool:
    runs = _DIGITS.findall(_HEX_ID.sub("x", text))
    return any(_is_card_number("".join(groups)) for run in runs for groups in _groupings(run))


def _groupings(run: str) -> Iterator[list[str]]:
    """Yield the neighbouring groups of a run that may be one number.

    They have one size, but for the last, or the sizes that cards have: `<customer>-<date>-<count>` is no number.
    """
    found = list(re.finditer("[0-9]+", run))
    groups = [group[0] for group in found]
    for first in range(len(groups)):
        for last in range(first, min(len(groups), first + 19)):
            part = groups[first : last + 1]
            sizes = tuple(map(len, part))
            by_blanks = sizes in _BY_BLANKS and not re.search(r"[^0-9\s]", run[found[first].start() : found[last].end()])
            if sizes in _BY_FIVES or by_blanks or (len(set(sizes[:-1])) <= 1 and sizes[-1] <= sizes[0]):
                yield part


def _is_card_number(digits: str) -> bool:
    return bool(_CARD.fullmatch(digits)) and _luhn(digits) and not _is_gtin(digits)


def _luhn(digits: str) -> bool:
    """Return whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(digit), 10)) for digit in even)) % 10 == 0


def _is_gtin(digits: str) -> bool:
    """Return whether the digits are an article's or a parcel's number (GS1's check digit)."""
    return len(digits) in _GTIN_LENGTHS and (sum(map(int, digits[-1::-2])) + 3 * sum(map(int, digits[-2::-2]))) % 10 == 0


def _texts(value: object, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _texts(item, f"{where}[{position}]")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            place = f"{where}.{name}" if where else name
            yield (where, name)
            yield from _texts(item, place)
