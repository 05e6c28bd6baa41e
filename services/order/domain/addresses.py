"""The rules for a contact, so that SES accepts its mail address and a carrier its postal address."""

import re
import unicodedata
from typing import Final

from kernel.identifiers import has_card_number
from kernel.invalid_request import InvalidRequestError
from services.order.domain.order_request import ContactRequest

_COUNTRIES: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES: Final = frozenset(_COUNTRIES.split())
"""ISO 3166-1, two letters. A test holds it against the package `iso3166`."""
MAX_EMAIL_LENGTH: Final = 254
"""RFC 5321, section 4.5.3.1.3, without the angle brackets."""
LOCAL_PART: Final = re.compile(r"(?=.{1,64}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""A dot-atom (RFC 5322). SES takes 7-bit ASCII only, see Destination in its API reference (sesv2)."""
DOMAIN: Final = re.compile(
    r"(?=.{4,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+(?![0-9]+$)[A-Za-z0-9-]{2,63}(?<!-)"
)
JOINERS: Final = "\u200c\u200d"
"""Letters of Persian and Indic names need them."""
INVISIBLE_LETTERS: Final = "\u115f\u1160\u3164\uffa0"
"""The fillers of Hangul: letters of Unicode that print nothing (Default_Ignorable_Code_Point)."""


def checked(contact: ContactRequest) -> ContactRequest:
    """Return a contact that its schema accepts as it is kept: trimmed, its mail domain in ASCII. Raises InvalidRequestError."""
    address = {name: _plain(f"address.{name}", text) for name, text in contact["address"].items()}
    if address["country"] not in COUNTRIES:
        raise _refusal("address.country", "must be a country's two letters of ISO 3166-1, such as DE")
    return {"name": _plain("name", contact["name"]), "email": _email(contact["email"]), "address": address}


def _plain(where: str, text: str) -> str:
    """Return a text for a mail and a label without its outer spaces."""
    for sign in text:
        if not (sign.isprintable() or sign in JOINERS or unicodedata.category(sign) == "Zs"):
            raise _refusal(where, "must have printable characters only, on one line")
    if has_card_number(text):
        raise _refusal(where, "has what looks like a card number; leave it out")
    plain = text.strip()
    if (
        text
        and not any(sign.isalnum() and sign not in INVISIBLE_LETTERS for sign in plain)
        and where.partition(".")[2] not in ("line2", "region")
    ):
        raise _refusal(where, "must have a letter or a digit")
    return plain


def _email(text: str) -> str:
    local, _, domain = text.rpartition("@")
    if not LOCAL_PART.fullmatch(local):
        raise _refusal("email", "must have 1 to 64 of A-Z a-z 0-9 and . ! # $ % & ' * + / = ? ^ _ ` { | } ~ - before the @")
    if has_card_number(local):
        raise _refusal("email", "has what looks like a card number; give another address")
    email = f"{local}@{_ascii(domain)}"
    if not DOMAIN.fullmatch(email.rpartition("@")[2]) or len(email) > MAX_EMAIL_LENGTH:
        raise _refusal("email", "must have a domain such as example.com after the @")
    return email


def _ascii(domain: str) -> str:
    """Return a domain in the form that DNS and SES take: `xn--mnchen-3ya.de` for `münchen.de`."""
    if domain.isascii() and "xn--" not in domain.lower():
        return domain
    import idna  # only here: its tables are half of what the API would otherwise load for a contact

    try:
        return idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise _refusal("email", "must have a domain that DNS can have (IDNA) after the @") from None


def _refusal(where: str, detail: str) -> InvalidRequestError:
    return InvalidRequestError("request-invalid", 400, where, detail)
