"""Mails to customers: a subject, a text and an HTML page for each kind of mail, from `templates/`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import quote

from kernel import clock
from kernel.contact import Contact, Purchase, PurchasedLine
from kernel.facts import OrderFacts, ShipmentFacts
from kernel.money import Money
from kernel.order_numbers import number_of
from services.notification.domain import customer_forms
from services.notification.domain.model import Kind

if TYPE_CHECKING:
    from babel import Locale
    from jinja2 import Environment

TEMPLATES = Path(__file__).parents[1] / "templates"
"""`<kind>.txt`, with the subject in its first line, and `<kind>.html`; the others are parts of them."""
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
ORDER_AGAIN: Final = "If you still want these items, please order them again."
NEXT_STEPS = {
    "PAYMENT_DECLINED": "If you still want these items, please order them again with another card.",
    "PAYMENT_UNAVAILABLE": ORDER_AGAIN,
    "PAYMENT_VOIDED": ORDER_AGAIN,
    "OUT_OF_STOCK": "You can order what is in stock, or choose another item.",
    "INVENTORY_UNAVAILABLE": ORDER_AGAIN,
    "STOCK_RELEASED": ORDER_AGAIN,
    "CAPTURE_REFUSED": "If you still want these items, please order them again with another card.",
    "CUSTOMER": "You do not need to do anything else.",
    "OPERATOR": "We are sorry. Please write to us if you would like us to find another item for you.",
    "EXPIRED": ORDER_AGAIN,
    "NO_ADDRESS": "If you still want these items, please order them again with a delivery address.",
    "CARRIER_REFUSED": "If you still want these items, please order them again to another address.",
}
"""The next step of the customer, by the reason of the cancellation."""
REFUNDED = "You will be refunded in full. Your bank may take a few business days to show the refund."
NOT_CHARGED = "You have not been charged. If your bank has reserved the amount, it will be released."
OUT_OF_STOCK: Final = "OUT_OF_STOCK"
SENT: Final = ("confirmed", "dispatched")
"""The kinds of a mail about goods that are sent, which names the goods that are not."""


@dataclass(frozen=True)
class Shop:
    """The shop that the mails are from. `tracking_url` has `{tracking}` in it, or is empty."""

    name: str
    support_address: str
    tracking_url: str = ""


@dataclass(frozen=True)
class Mail:
    """A mail ready to be sent. It holds a person's name, so it enters no log and no row; its repr shows the subject only."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


def compose(
    kind: Kind, shop: Shop, order_id: str, contact: Contact, purchase: Purchase, facts: OrderFacts | ShipmentFacts
) -> Mail:
    """Return the mail of `kind` to a customer about an order: the same content as text and as HTML.

    `facts` are those that the order or its shipment states. Raises KeyError if the mail needs a fact that is missing.
    """
    locale = customer_forms.locale_of(contact.address["country"])
    fields = {
        "shop": shop,
        "name": contact.name,
        "number": number_of(order_id),
        "placed": customer_forms.date(clock.from_rfc3339(purchase["placed_at"]), locale),
        "lines": _lines(purchase["lines"], purchase["total"]["currency"], locale),
        "short": purchase.get("short", []) if _is_about_stock(kind, facts) else [],
        "left_out": purchase["left_out"] if kind in SENT else [],
        "total": customer_forms.amount(Money.from_dict(purchase["total"]), locale),
        "address": customer_forms.address(contact.name, contact.address, locale),
        **_own_fields(kind, shop, facts),
    }
    heading, _, text = _templates().get_template(f"{kind}.txt").render(fields).partition("\n\n")
    subject = heading.removeprefix("Subject: ")
    return Mail(subject, text.lstrip("\n"), _templates().get_template(f"{kind}.html").render(fields, subject=subject))


def _is_about_stock(kind: Kind, facts: OrderFacts | ShipmentFacts) -> bool:
    """Return whether the order waits for goods that are not in stock, or was cancelled because of them."""
    return kind == "backordered" or (kind == "cancelled" and facts.get("reason") == OUT_OF_STOCK)


def _own_fields(kind: Kind, shop: Shop, facts: OrderFacts | ShipmentFacts) -> dict[str, str]:
    """Return the fields that only mails of this kind have: "dispatched" is of a shipment's facts, the others of an order's."""
    if kind == "cancelled":
        order = cast(OrderFacts, facts)
        reason, payment = order["reason"], REFUNDED if order["confirmed"] else NOT_CHARGED
        return {"reason": REASONS[reason], "payment": payment, "next_step": NEXT_STEPS[reason]}
    if kind == "dispatched":
        tracking = cast(ShipmentFacts, facts)["tracking"]
        return {"tracking": tracking, "link": shop.tracking_url.replace("{tracking}", quote(tracking, safe=""))}
    return {}


def _lines(lines: Iterable[PurchasedLine], currency: str, locale: "Locale") -> list[dict[str, object]]:
    """Return the lines with their prices in words."""
    priced = ((line, Money(line["unit_price"], currency)) for line in lines)
    return [
        {
            "quantity": line["quantity"],
            "title": line["title"],
            "price": customer_forms.amount(price, locale),
            "amount": customer_forms.amount(price * line["quantity"], locale),
        }
        for line, price in priced
    ]


@cache
def _templates() -> "Environment":
    """Return the templates. A page escapes the fields, and a text has them as they are."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
