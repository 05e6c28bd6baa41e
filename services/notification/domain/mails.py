"""Mails to customers: a subject, a text and an HTML page for each kind of mail, from `templates/`."""

import html
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

from kernel.money import Money
from services.notification.domain.model import Kind

TEMPLATES = Path(__file__).parents[1] / "templates"
"""`<kind>.txt` with the subject in its first line; `<kind>.html`, the content of the page; `layout.html`, the page."""
KINDS: Mapping[str, Kind] = {
    "OrderBackordered": "backordered",
    "OrderConfirmed": "confirmed",
    "OrderCancelled": "cancelled",
    "ShipmentDispatched": "dispatched",
}
"""The kind of mail for each event. An order gets at most one mail of a kind."""

REASONS = {
    "PAYMENT_DECLINED": "your payment was declined",
    "PAYMENT_UNAVAILABLE": "we could not reach your payment provider",
    "PAYMENT_VOIDED": "the payment was withdrawn",
    "OUT_OF_STOCK": "an item that you ordered is no longer in stock",
    "INVENTORY_UNAVAILABLE": "we could not reserve your items in time",
    "STOCK_RELEASED": "your items are no longer reserved",
    "CAPTURE_REFUSED": "your payment provider refused the payment",
    "CUSTOMER": "you asked us to cancel it",
    "OPERATOR": "we are unable to fulfil it",
    "EXPIRED": "it could not be completed in time",
    "NO_ADDRESS": "it has no delivery address",
    "CARRIER_REFUSED": "our carrier does not deliver to your address",
}
"""The reasons of OrderCancelled in words for a customer, each to stand after "because"."""
REFUNDED = "You will be refunded in full. Your bank may take a few business days to show the refund."
NOT_CHARGED = "You have not been charged. If your bank has reserved the amount, it will be released."
LEFT_OUT = " (not in stock: not sent, not charged)"
"""The remark after an item that the order was confirmed without."""


@dataclass(frozen=True)
class Mail:
    """A mail ready to be sent. It holds a person's name, so it enters no log and no row; its repr shows the subject only."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


FIELDS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "total": ("total", lambda total: str(Money.from_dict(total))),
    "reason": ("reason", lambda reason: REASONS[reason]),
    "payment": ("confirmed", lambda confirmed: REFUNDED if confirmed else NOT_CHARGED),
    "tracking": ("tracking", str),
}
"""The fields of the templates: the fact of the order or shipment that each comes from, and its words."""


def compose(kind: Kind, name: str, order_id: str, facts: Mapping[str, Any]) -> Mail:
    """Return the mail of `kind` to the person `name` about an order: the same content as text and as HTML.

    `facts` are those that the order or its shipment states. Raises KeyError if a template needs a fact that is missing.
    """
    fields = {"order_id": order_id, "name": name}
    fields |= {placeholder: say(facts[fact]) for placeholder, (fact, say) in FIELDS.items() if fact in facts}
    items = [*_items(facts.get("lines", ())), *(f"{item}{LEFT_OUT}" for item in _items(facts.get("left_out", ())))]
    written = {**fields, "lines": "\n".join(f"  {item}" for item in items)}
    heading, _, text = _template(f"{kind}.txt").substitute(written).partition("\n\n")
    subject = heading.removeprefix("Subject: ")
    escaped = {placeholder: html.escape(words) for placeholder, words in fields.items()}
    listed = "\n".join(f"<li>{html.escape(item)}</li>" for item in items)
    content = _template(f"{kind}.html").substitute(escaped, lines=listed)
    page = _template("layout.html").substitute(subject=html.escape(subject), content=content.strip())
    return Mail(subject, text, page)


def _items(lines: Iterable[Mapping[str, object]]) -> list[str]:
    return [f"{line['quantity']} x {line['sku']}" for line in lines]


@cache
def _template(name: str) -> Template:
    return Template((TEMPLATES / name).read_text(encoding="utf-8"))
