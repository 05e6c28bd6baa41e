"""What the customer reads: a subject, a text and a page for each kind of mail, from `templates/`."""

import html
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from services.kernel.money import Money

TEMPLATES = Path(__file__).parent / "templates"
"""`<kind>.txt`, whose first line is the subject; `<kind>.html`, what stands in the page; `layout.html`, the page."""
KINDS = {
    "OrderBackordered": "backordered",
    "OrderConfirmed": "confirmed",
    "OrderCancelled": "cancelled",
    "ShipmentDispatched": "dispatched",
}
"""The kind of mail that each event calls for. There is one mail of a kind per order at most."""

REASONS = {
    "PAYMENT_DECLINED": "your payment was declined",
    "PAYMENT_UNAVAILABLE": "we could not reach your payment provider",
    "PAYMENT_VOIDED": "the payment was withdrawn",
    "OUT_OF_STOCK": "something you ordered is no longer in stock",
    "INVENTORY_UNAVAILABLE": "we could not set your goods aside",
    "STOCK_RELEASED": "your goods could no longer be kept for you",
    "CAPTURE_REFUSED": "your payment provider refused the payment",
    "CUSTOMER": "you asked us to",
    "OPERATOR": "we had to",
    "EXPIRED": "it could not be completed in time",
    "NO_ADDRESS": "we have no address to send it to",
    "CARRIER_REFUSED": "our carrier does not go to your address",
}
"""OrderCancelled's reasons in a customer's words."""


LEFT_OUT = ": not in stock, neither sent nor charged"
"""What is said beside the goods that an order is confirmed without."""


@dataclass(frozen=True)
class Mail:
    """A mail ready to be sent. It greets a person, so it enters no log and no row (its texts are not in the repr)."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


WORDS: Mapping[str, Callable[[Any], str]] = {
    "total": lambda total: str(Money.from_dict(total)),
    "reason": lambda reason: REASONS[reason],
    "confirmed": lambda confirmed: "We give you your money back." if confirmed else "You pay nothing for it.",
    "tracking": str,
}
"""How a fact of an order or of its shipment is said in a mail."""


def compose(kind: str, name: str, order_id: str, facts: Mapping[str, Any]) -> Mail:
    """Return the mail of `kind` to the person `name`, about an order and the `facts` of it: the same as text and as HTML.

    Raises KeyError for a template that asks for what is not among the facts.
    """
    said = {part: say(facts[part]) for part, say in WORDS.items() if part in facts}
    fields = {"order_id": order_id, "name": name, **said}
    ordered = _items(facts.get("lines", ()))
    missing = [f"{item}{LEFT_OUT}" for item in _items(facts.get("left_out", ()))]
    written = {**fields, "lines": "\n".join(f"  {line}" for line in (*ordered, *missing))}
    heading, _, text = _template(f"{kind}.txt").substitute(written).partition("\n\n")
    subject = heading.removeprefix("Subject: ")
    escaped = {part: html.escape(value) for part, value in fields.items()}
    items = "\n".join(f"<li>{html.escape(line)}</li>" for line in (*ordered, *missing))
    content = _template(f"{kind}.html").substitute(escaped, lines=items)
    page = _template("layout.html").substitute(subject=html.escape(subject), content=content.strip())
    return Mail(subject, text, page)


def _items(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{line['quantity']} x {line['sku']}" for line in lines]


@cache
def _template(name: str) -> Template:
    return Template((TEMPLATES / name).read_text(encoding="utf-8"))
