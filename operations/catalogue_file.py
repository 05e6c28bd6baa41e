"""The catalogue as a file of comma-separated values: `sku`, `title`, `price` in major units, `currency`."""

import csv
from decimal import Decimal
from pathlib import Path
from typing import Final

from kernel.currencies import MINOR_DIGITS
from kernel.money import MAX_PRICE
from operations import errors
from operations.aws.service_client import Price
from operations.errors import UserError
from operations.plural import counted
from services.order.domain.prices import InvalidPriceError, check_price, check_title

COLUMNS: Final = ("sku", "title", "price", "currency")
NEXT: Final = "Nothing was set. Correct the file, then run the command again."


def read(file: Path) -> list[Price]:
    """Return the prices in a file, by SKU at most one. Raises UserError with the line of the first that cannot be
    set, WrongUsageError for a file that cannot be read.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines, restkey="", strict=True)
            if sorted(table.fieldnames or ()) != sorted(COLUMNS):
                raise UserError(f"{file} does not have the columns {', '.join(COLUMNS)}.", NEXT)
            rows = [(table.line_num, row) for row in table]
    except OSError as error:
        raise errors.unreadable(file, error) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not comma-separated text in UTF-8: {error}.", NEXT) from error
    found: dict[str, Price] = {}
    for number, row in rows:
        price = _price(row, f"{file}, line {number}")
        if price["sku"] in found:
            raise UserError(f"{file}, line {number}: {price['sku']} stands in an earlier line too.", NEXT)
        found[price["sku"]] = price
    return list(found.values())


def _is_amount(minor: Decimal) -> bool:
    return minor.is_finite() and minor == minor.to_integral_value() and 0 <= minor <= MAX_PRICE


def _form(price: str, currency: str, digits: int) -> str:
    """Say which prices a currency has."""
    most = Decimal(MAX_PRICE).scaleb(-digits)
    places = f"at most {counted(digits, 'digit')} behind the point, as {currency} has"
    return f"the price {price!r} is no price from 0 to {most:f} with {places}"


def _price(row: dict[str, str], where: str) -> Price:
    """Return the price of a row. Raises UserError."""
    if "" in row or None in row.values():
        raise UserError(f"{where}: it has not {len(COLUMNS)} values.", NEXT)
    try:
        digits = MINOR_DIGITS.get(row["currency"], 0)
        minor = Decimal(row["price"]).scaleb(digits)
        entry = {"sku": row["sku"], "amount": minor, "currency": row["currency"], "title": row["title"].strip() or None}
        if row["currency"] in MINOR_DIGITS and not _is_amount(minor):
            raise UserError(f"{where}: {_form(row['price'], row['currency'], digits)}.", NEXT)
        amount, title = check_price(entry, "").amount, check_title(entry, "")
    except ArithmeticError as error:
        raise UserError(f"{where}: the price {row['price']!r} is not a number such as 12.50.", NEXT) from error
    except InvalidPriceError as error:
        raise UserError(f"{where}, {str(error).removeprefix('.')}.", NEXT) from error
    price = Price(sku=row["sku"], amount=amount, currency=row["currency"])
    if title is not None:
        price["title"] = title
    return price
