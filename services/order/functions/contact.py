"""The query of shipping and notification: the contact of an order's customer, with the order's facts and contents."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from kernel import clock
from kernel.clients import Clients
from kernel.contact import PURCHASE, ContactQuery, FoundContact, NoContact, Purchase, PurchasedLine, ShortLine
from kernel.handler import Handler, lambda_handler
from kernel.statements import Quantity
from services.order.domain import decisions
from services.order.domain.model import OrderRow
from services.order.functions.facts import facts_of
from services.order.storage.catalogue import Catalogue
from services.order.storage.contacts import Contacts
from services.order.storage.table import Orders

NOT_YET_FOR: Final = timedelta(minutes=5)
"""How long after the creation of an order a missing contact may yet come: its customer had one when it was placed."""


def find(
    orders: Orders, contacts: Contacts, catalogue: Catalogue, order_id: str, detail: str | None = None
) -> FoundContact | NoContact:
    """Return FOUND with `customer_id`, `name`, `email`, `address`; NOT_FOUND if never given, or forgotten.

    NOT_YET in place of NOT_FOUND while the order is young: the caller repeats the query, because NOT_FOUND is final.
    In each answer `order` holds the order's facts, or null if there is no order. For the `detail` PURCHASE, FOUND also holds
    the `purchase`. Raises UnreadRowsError.
    """
    order = orders.get(order_id)
    stated = facts_of(order) if order else None
    contact = contacts.get(order["customer_id"]) if order else None
    if order is None or contact is None:
        return {"outcome": "NOT_YET" if order and is_young(order) else "NOT_FOUND", "order": stated}
    found: FoundContact = {
        "outcome": "FOUND",
        "order": stated,
        "customer_id": contact["customer_id"],
        "name": contact["name"],
        "email": contact["email"],
        "address": contact["address"],
    }
    if detail == PURCHASE:
        found["purchase"] = purchase_of(order, catalogue)
    return found


def purchase_of(order: OrderRow, catalogue: Catalogue) -> Purchase:
    """Return the contents of an order at its prices, with the catalogue's titles. Raises UnreadRowsError."""
    ordered = decisions.original_order(order)["lines"]
    prices = {line["sku"]: line["unit_price"] for line in ordered}
    titles = catalogue.titles(prices)

    def lines(quantities: Sequence[Quantity]) -> list[PurchasedLine]:
        return [
            PurchasedLine(**line, title=titles.get(line["sku"], line["sku"]), unit_price=prices[line["sku"]])
            for line in quantities
        ]

    purchase = Purchase(
        placed_at=order["created_at"],
        lines=lines(decisions.quantities(order["lines"])),
        left_out=lines(decisions.unavailable_lines(order)),
        total=order["total"],
    )
    if "short" in order:
        purchase["short"] = [ShortLine(**line, title=titles.get(line["sku"], line["sku"])) for line in order["short"]]
    return purchase


def is_young(order: OrderRow) -> bool:
    """Return whether the order was placed less than NOT_YET_FOR ago."""
    return clock.now() < clock.from_rfc3339(order["created_at"]) + NOT_YET_FOR


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the query's handler, of `{"order_id"}`, optionally with `detail`; see `find`."""
    table = environ["TABLE_NAME"]
    orders, contacts = Orders(clients.dynamodb, table), Contacts(clients.dynamodb, table)
    catalogue = Catalogue(clients.dynamodb, table)

    def handle(event: ContactQuery, context: object) -> FoundContact | NoContact:
        return find(orders, contacts, catalogue, event["order_id"], event.get("detail"))

    return handle


handler = lambda_handler(bootstrap)
