"""The CDNOW purchases: what a row is, and the order that it becomes.

Two formats: the master (customer, date, CDs, dollars) and the sample (customer, sample customer, date, CDs, dollars).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TextIO, TypedDict

from kernel.events import Metadata
from kernel.identifiers import shown
from kernel.statements import Quantity
from operations import errors
from operations.aws.service_client import Contact
from operations.plural import counted
from services.order.schemas.models import ChannelOrderPlacedV1Data

CURRENCY = "USD"
MAX_CDS = 100
"""The most of one SKU that an order line takes."""
TOKEN = "pm_card_visa"  # noqa: S105 - a sandbox token, no secret
CUSTOMER = re.compile(r"[0-9]{1,10}")
DATE = re.compile(r"[0-9]{8}")
CDS = re.compile(r"[0-9]{1,6}")
DOLLARS = re.compile(r"[0-9]{1,6}\.[0-9]{2}")
HEADER = "customer_id"


class ChannelOrder(TypedDict):
    """The detail of an OrderPlaced as a channel puts it on the bus."""

    metadata: Metadata
    data: ChannelOrderPlacedV1Data


@dataclass(frozen=True)
class Purchase:
    """A row: `cds` CDs for `cents` in all, the `occurrence`-th row of the file that looks exactly so."""

    customer: str
    date: str
    cds: int
    cents: int
    occurrence: int

    @property
    def idempotency_key(self) -> str:
        """The purchase's own identity: not its line, so the file may be cut, joined and sorted."""
        return f"{self.customer}-{self.date}-{self.cds}-{self.cents}-{self.occurrence}"

    @property
    def customer_id(self) -> str:
        """The customer, as orders name them."""
        return f"cdnow-{self.customer}"

    @property
    def lines(self) -> list[Quantity]:
        """The order's lines. The price is in the SKU, `CD-1466` for 14.66, and the total is the row's to the cent.

        A total that the CDs do not divide becomes two lines a cent apart.
        """
        price, dearer = divmod(self.cents, self.cds)
        lines = [(price, self.cds - dearer), (price + 1, dearer)]
        return [{"sku": sku_of(cents), "quantity": quantity} for cents, quantity in lines if quantity]


@dataclass(frozen=True)
class Malformed:
    """A row that is none, and why."""

    line_number: int
    text: str
    reason: str


def sku_of(cents: int) -> str:
    """Return the SKU of CDs at this price."""
    return f"CD-{cents:04d}"


def cents_of(sku: str) -> int:
    """Return the price in a CD's SKU, in cents."""
    return int(sku.removeprefix("CD-"))


def read(file: Path, limit: int | None = None) -> tuple[list[Purchase], list[Malformed]]:
    """Return the purchases of the first `limit` rows, and the malformed rows. A header and empty lines are not rows.

    Raises WrongUsageError for a file that cannot be read.
    """
    purchases: list[Purchase] = []
    malformed: list[Malformed] = []
    seen: Counter[tuple[str, str, int, int]] = Counter()
    with _opened(file) as rows:
        for number, text in enumerate(rows, start=1):
            if limit is not None and len(purchases) + len(malformed) >= limit:
                break
            words = text.split()
            if not words or words[0] == HEADER:
                continue
            try:
                row = parse(words)
            except ValueError as error:
                malformed.append(Malformed(number, text.rstrip("\n"), str(error)))
                continue
            seen[row] += 1
            purchases.append(Purchase(*row, occurrence=seen[row]))
    return purchases, malformed


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    try:
        with file.open(encoding="utf-8", errors="replace") as rows:
            yield rows
    except OSError as error:
        raise errors.unreadable(file, error) from error


def parse(words: list[str]) -> tuple[str, str, int, int]:
    """Parse the words of a row: customer, date, CDs and cents. Raises ValueError that names the fault."""
    if len(words) not in (4, 5):
        raise ValueError(f"has {counted(len(words), 'field')}; the master has 4 (customer, date, CDs, dollars), the sample 5")
    customer, date, cds, dollars = words[0], *words[-3:]
    if not CUSTOMER.fullmatch(customer):
        raise ValueError(f"customer {shown(customer)!r} is not a number")
    if not DATE.fullmatch(date) or not _is_day(date):
        raise ValueError(f"date {shown(date)!r} is not a day as YYYYMMDD")
    if not CDS.fullmatch(cds) or not 1 <= int(cds) <= MAX_CDS:
        raise ValueError(f"number of CDs {shown(cds)!r} is not 1 to {MAX_CDS}")
    if not DOLLARS.fullmatch(dollars):
        raise ValueError(f"dollars {shown(dollars)!r} is not an amount such as 29.33")
    return customer, date, int(cds), int(Decimal(dollars) * 100)


def _is_day(date: str) -> bool:
    try:
        datetime.strptime(date, "%Y%m%d")  # noqa: DTZ007 - a day, not a moment
    except ValueError:
        return False
    return True


def count(purchases: list[Purchase], malformed: list[Malformed]) -> dict[str, int]:
    """Count the rows, in all and of each irregular kind."""
    return {
        "rows_read": len(purchases) + len(malformed),
        "malformed": len(malformed),
        "zero_dollar": sum(purchase.cents == 0 for purchase in purchases),
        "indivisible_total": sum(len(purchase.lines) > 1 for purchase in purchases),
        "identical_to_an_earlier": sum(purchase.occurrence > 1 for purchase in purchases),
        "most_cds": max((purchase.cds for purchase in purchases), default=0),
        "customers": len({purchase.customer for purchase in purchases}),
        "skus": len(quantities(purchases)),
        "total_cents": sum(purchase.cents for purchase in purchases),
    }


def quantities(purchases: Iterable[Purchase]) -> dict[str, int]:
    """Return the quantity of each SKU that the purchases need."""
    needed: Counter[str] = Counter()
    for purchase in purchases:
        for line in purchase.lines:
            needed[line["sku"]] += line["quantity"]
    return dict(sorted(needed.items()))


def contact(customer_id: str) -> Contact:
    """Return a made-up contact. The data has no names, but mails and parcels need an address."""
    address = {"line1": "1 Record Row", "city": "Fort Washington", "postal_code": "19034", "country": "US"}
    name = f"CDNOW customer {customer_id.removeprefix('cdnow-')}"
    return {"customer_id": customer_id, "name": name, "email": f"{customer_id}@cdnow.example", "address": address}


def event(purchase: Purchase, channel: str) -> ChannelOrder:
    """Return the detail of the OrderPlaced that the channel puts on the bus."""
    day = f"{purchase.date[:4]}-{purchase.date[4:6]}-{purchase.date[6:]}"
    key = purchase.idempotency_key
    return {
        "metadata": {"event_id": f"{channel}-{key}", "event_version": 1, "occurred_at": f"{day}T00:00:00Z"},
        "data": {
            "idempotency_key": key,
            "customer_id": purchase.customer_id,
            "currency": CURRENCY,
            "lines": [{"sku": line["sku"], "quantity": line["quantity"]} for line in purchase.lines],
            "payment_token": TOKEN,
        },
    }
