"""The stage's statements to the outside, compared with the rows: answers, prices, mails, parcels."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

from simulation.engine.dynamodb import Change
from simulation.engine.expressions import AttributeValue, Item
from simulation.engine.functions import Functions
from simulation.engine.mail import Mail
from simulation.engine.scheduler import SECOND

if TYPE_CHECKING:
    from kernel.contact import Contact
    from kernel.statements import Quantity

SHOWN: Final = (
    *("order_id", "status", "fulfilment", "customer_id", "channel", "lines", "total", "created_at", "updated_at"),
    *("if_short", "ordered", "reason"),
)
"""The attributes of an order that an answer shows, if its row has them."""
NOT_PAID: Final = ("PAYMENT_DECLINED", "CAPTURE_REFUSED")
"""The reasons of a cancelled order that POST answers by 402; every other is a 409."""
ON_THE_WAY_SECONDS: Final = 600
"""The longest time between the read of a price and the write of its order: a request comes late, past recovery."""
LAG_SECONDS: Final = 5
"""How far an eventually consistent read may lag behind."""
NUMBER: Final = re.compile(r"Your order ([A-Z2-7]{5}-[A-Z2-7]{5}) ")
"""The number of an order in the subject of a mail."""
ITEMS: Final = re.compile(r"^ *(\d+) x (\S+)  .+ each  .+$", re.MULTILINE)
"""The goods that a mail lists, by their SKUs, which have no titles here; items that were left out have no price."""

TRUE_ORDER = "response_shows_a_true_order"
TRUE_TOTAL = "total_is_the_sum_of_prices_when_placed"
RIGHT_MAIL = "mail_goes_to_its_customer"
RIGHT_PARCEL = "parcel_goes_to_its_customer"
Fail = Callable[[str, str], NoReturn]
PlainRow = dict[str, Any]
"""A row as plain values, read by attribute."""
Value = TypeVar("Value")


class Timeline(Generic[Value]):
    """The values of a row or a mark, one after the other; None before the first and after a deletion."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.values: list[Value | None] = []

    def add(self, now: int, value: Value | None) -> None:
        """Let the value be in force from now on."""
        self.times.append(now)
        self.values.append(value)

    def since(self, when: int) -> list[Value | None]:
        """Return every value that was in force at some time from `when` on."""
        first = bisect_right(self.times, when)
        return [self.values[first - 1] if first else None, *self.values[first:]]

    @property
    def known(self) -> list[Value]:
        """The values without the times in which there was none."""
        return [value for value in self.values if value is not None]


class Statements:
    """The answers, mails and parcels of one world. `now` is in microseconds; `fail` raises Violated for an invariant's name."""

    def __init__(self, now: Callable[[], int], functions: Functions, fail: Fail) -> None:
        self.now = now
        self.functions = functions
        self._fail = fail
        self.orders: dict[str, Timeline[PlainRow]] = defaultdict(Timeline)
        self.ids: dict[str, str] = {}
        """By the ten characters of its number, the id of each order."""
        self.contacts: dict[str, Timeline[PlainRow]] = defaultdict(Timeline)
        self.prices: dict[str, Timeline[PlainRow]] = defaultdict(Timeline)
        self.suppressed: dict[str, Timeline[bool]] = defaultdict(Timeline)
        """By digest of an address, whether it is suppressed."""

    def committed(self, change: Change) -> None:
        """Take in a write of the order's or the notification's table."""
        prefix, _, rest = change.key.partition("#")
        row = None if change.new is None else plain(change.new)
        match prefix:
            case "ORDER" if row is not None:
                if change.old is None and not any(self.contacts[row["customer_id"]].values):
                    self._fail("order_needs_a_contact", f"{rest} was placed, and {row['customer_id']} never had a contact")
                self._check_total(rest, change, row)
                self.orders[rest].add(self.now(), row)
                self.ids[rest[4:14]] = rest
            case "CONTACT":
                self.contacts[rest].add(self.now(), row)
            case "PRICE":
                self.prices[rest].add(self.now(), row)
            case "SUPP":
                self.suppressed[rest].add(self.now(), row is not None)

    def _check_total(self, order_id: str, change: Change, row: Mapping[str, Any]) -> None:
        """Check that a total is the sum of its lines, each at the price that its SKU had when the order was placed."""
        before = None if change.old is None else self.orders[order_id].values[-1]
        for part in (row, row.get("ordered") or row):
            amount = sum(line["unit_price"] * line["quantity"] for line in part["lines"])
            if amount != part["total"]["amount"]:
                self._fail(TRUE_TOTAL, f"{order_id} has a total of {part['total']}; its lines come to {amount}")
        if before is not None:
            kept = {line["sku"]: line["unit_price"] for line in (before.get("ordered") or before)["lines"]}
            if any(kept.get(line["sku"]) != line["unit_price"] for line in row["lines"]):
                self._fail(TRUE_TOTAL, f"{order_id} was placed at {kept}, and has the lines {row['lines']}")
            return
        for line in row["lines"]:
            prices = self.prices[line["sku"]].since(self.now() - ON_THE_WAY_SECONDS * SECOND)
            if not any(
                price and (price["amount"], price["currency"]) == (line["unit_price"], row["total"]["currency"])
                for price in prices
            ):
                self._fail(TRUE_TOTAL, f"{order_id} has {line} in {row['total']['currency']}; the catalogue had {prices}")

    # answers

    def answered(self, who: str, order_id: str, status: int, body: Mapping[str, Any], tag: str | None, since: int) -> None:
        """Check that an answer shows the order as it was at one moment since the request, and no earlier.

        `tag` is the answer's ETag, if it has one; `since` the time of the request.
        """
        shown = body.get("order", body)
        rows = [row for row in self.orders[order_id].since(since) if row is not None]
        if status == 202 and shown.keys().isdisjoint({"lines", "total"}):
            found = [row for row in rows if (row["order_id"], row["status"]) == (shown["order_id"], shown["status"])]
        else:
            found = [row for row in rows if shown_of(row) == shown_of(shown)]
        if not found:
            differences = [_differences(shown, row) for row in rows]
            self._fail(TRUE_ORDER, f"{who} was answered {status} about {order_id}, which was never so: {differences}")
        if tag is not None and all(tag != f'"{row["version"]}"' for row in found):
            self._fail(
                TRUE_ORDER, f"{who} was given the ETag {tag} of {order_id}, of version {[row['version'] for row in found]}"
            )

    def rejected(self, who: str, order_id: str, status: int, reason: str | None) -> None:
        """Check that 402 says that the customer's payment was refused, and 409 that it was anything else."""
        if (status == 402) != (reason in NOT_PAID):
            self._fail(TRUE_ORDER, f"{who} was answered {status} about {order_id}, which is cancelled by {reason}")

    # mails and parcels

    def mailed(self, mail: Mail, boundary: str) -> None:
        """Check that a mail goes to the customer's own address, unless it is suppressed, and lists what the order is for."""
        found = NUMBER.match(mail.subject)
        begin = found[1].replace("-", "").lower() if found else ""
        rows = self.orders[self.ids[begin]].known if begin in self.ids else []
        if not rows:
            self._fail(RIGHT_MAIL, f"a mail is about no order: {mail.subject}")
        began = self._began(boundary.rpartition(" > ")[0])
        contacts = self.contacts[rows[-1]["customer_id"]].since(began)
        if mail.to not in [contact["email"] for contact in contacts if contact]:
            self._fail(RIGHT_MAIL, f"{mail.subject!r} went to another address than its customer's, or to one forgotten")
        if all(self.suppressed[sha256(mail.to.strip().lower().encode()).hexdigest()].since(began)):
            self._fail(RIGHT_MAIL, f"{mail.subject!r} went to an address that is suppressed")
        listed = {sku: int(quantity) for quantity, sku in ITEMS.findall(mail.text)}
        if listed and all(listed != _quantities(row) for row in rows):
            self._fail(RIGHT_MAIL, f"{mail.subject!r} lists {listed}; the order was for {[_quantities(row) for row in rows]}")

    def prepared(self, order_id: str, contact: "Contact", lines: "Sequence[Quantity]", invocation: str) -> None:
        """Check that a parcel is made ready for the customer's own address, with what the order is for."""
        rows = self.orders[order_id].known
        contacts = self.contacts[rows[-1]["customer_id"]].since(self._began(invocation))
        known = [(found["name"], found["email"], found["address"]) for found in contacts if found]
        if (contact.name, contact.email, dict(contact.address)) not in known:
            self._fail(
                RIGHT_PARCEL, f"the parcel of {order_id} is for another address than its customer's, or for one forgotten"
            )
        if {line["sku"]: line["quantity"] for line in lines} != _quantities(rows[-1]):
            self._fail(RIGHT_PARCEL, f"the parcel of {order_id} holds {lines}; the order is for {_quantities(rows[-1])}")

    def addressed(self, order_id: str, name: str, street: str, country: str, invocation: str) -> None:
        """Check the same as `prepared` for a request to a carrier's API."""
        contacts = self.contacts[self.orders[order_id].known[-1]["customer_id"]].since(self._began(invocation))
        known = [(found["name"], found["address"]["line1"], found["address"]["country"]) for found in contacts if found]
        if (name, street, country) not in known:
            self._fail(
                RIGHT_PARCEL, f"the label of {order_id} is for another address than its customer's, or for one forgotten"
            )

    def booked(self, order_id: str, invocation: str) -> None:
        """Check that the customer of a parcel was not forgotten before the invocation that hands it over."""
        customer_id = self.orders[order_id].known[-1]["customer_id"]
        if not any(self.contacts[customer_id].since(self._began(invocation))):
            self._fail(RIGHT_PARCEL, f"the parcel of {order_id} is handed over, and its customer is forgotten")

    def _began(self, invocation: str) -> int:
        """Return since when what the invocation read may have been true."""
        return self.functions.began.get(invocation, self.now()) - LAG_SECONDS * SECOND


def shown_of(row: Mapping[str, object]) -> dict[str, object]:
    """Return the public attributes of a row, or of an answer."""
    return {name: row[name] for name in SHOWN if row.get(name)}


def _differences(shown: Mapping[str, object], row: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    """Return what an answer shows otherwise than the row has it, as (shown, in the row)."""
    return {name: (shown.get(name), row.get(name)) for name in SHOWN if (shown.get(name) or None) != (row.get(name) or None)}


def plain(item: Item) -> PlainRow:
    """Return a DynamoDB item as plain values; every number is an integer here."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: AttributeValue) -> object:
    if "N" in value:
        return int(value["N"])
    if "M" in value:
        return plain(value["M"])
    if "L" in value:
        return [_plain(part) for part in value["L"]]
    (held,) = value.values()
    return held


def _quantities(row: Mapping[str, Any]) -> dict[str, int]:
    return {line["sku"]: line["quantity"] for line in row["lines"]}
