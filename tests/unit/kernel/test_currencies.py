"""Our table of currencies against a kept one."""

import iso4217

from kernel.currencies import MINOR_DIGITS
from kernel.money import MAX_PRICE, MAX_TOTAL


def test_currencies_equal_iso_4217() -> None:
    """The list of the maintenance agency, as the package has it, without funds and what has no or four digits."""
    funds, known = set(), {}
    for entry in iso4217.raw_xml.iter("CcyNtry"):
        code, digits = entry.findtext("Ccy"), entry.findtext("CcyMnrUnts")
        if entry.find("CcyNm").get("IsFund", "").lower() == "true":
            funds.add(code)
        elif code and digits.isdecimal() and int(digits) <= 3:
            known[code] = int(digits)
    assert {code: digits for code, digits in known.items() if code not in funds} == MINOR_DIGITS
    assert not {"X" * 3, "XTS", "ZZZ", "XAU", "CHE", "CLF", "UYI"} & MINOR_DIGITS.keys()


def test_largest_total_fits_a_double() -> None:
    assert MAX_PRICE <= MAX_TOTAL < 2**53 // 9
