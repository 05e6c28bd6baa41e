"""The query of shipping and notification: the contact of an order's customer, with the order's facts and contents."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, cast

from kernel import clock
from kernel.batch_reads import MOST_KEYS, ReadOnce
from kernel.clients import Clients
from kernel.contact import PURCHASE, ContactQuery, FoundContact, NoContact, Purchase, PurchasedLine, ShortLine
from kernel.handler import Handler, lambda_handler
from kernel.statements import Quantity
from services.order.domain import decisions, states
from services.order.domain.model import OrderRow
from services.order.functions.facts import facts_of
from services.order.storage.catalogue import READ_TRIES, PriceRow, price_key
from services.order.storage.contacts import ContactRow, contact_key

NOT_YET_FOR: Final = timedelta(minutes=5)
"""How long after the creation of an order a missing contact may yet come: its customer had one when it was placed."""


def find(rows: ReadOnce, query: ContactQuery) -> FoundContact | NoContact:
    """Return FOUND with `customer_id`, `name`, `email`, `address`; NOT_FOUND if never given, or forgotten.

    NOT_YET in place of NOT_FOUND while the order is young: the caller repeats the query, because NOT_FOUND is final.
    In each answer `order` holds the order's facts, or null if there is no order. For the `detail` PURCHASE, FOUND also holds
    the `purchase`. The rows that the query names are read with the order, and others after it. Raises UnreadRowsError.
    """
    order_key = f"{states.TRANSITIONS.aggregate}#{query['order_id']}"
    expected = [contact_key(query["customer_id"])] if "customer_id" in query else []
    rows.read([order_key, *expected, *map(price_key, query.get("skus", ())[: MOST_KEYS - 2])])
    order = cast(OrderRow | None, rows.get(order_key))
    if order is None:
        return {"outcome": "NOT_FOUND", "order": None}
    skus = [line["sku"] for line in decisions.original_order(order)["lines"]] if query.get("detail") == PURCHASE else []
    rows.read([contact_key(order["customer_id"]), *map(price_key, skus)])
    contact = cast(ContactRow | None, rows.get(contact_key(order["customer_id"])))
    stated = facts_of(order)
    if contact is None:
        return {"outcome": "NOT_YET" if is_young(order) else "NOT_FOUND", "order": stated}
    found: FoundContact = {
        "outcome": "FOUND",
        "order": stated,
        "customer_id": contact["customer_id"],
        "name": contact["name"],
        "email": contact["email"],
        "address": contact["address"],
    }
    if query.get("detail") == PURCHASE:
        found["purchase"] = purchase_of(order, titles_of(rows, skus))
    return found


def titles_of(rows: ReadOnce, skus: Sequence[str]) -> dict[str, str]:
    """Return the catalogue's title of each SKU that has one. Raises UnreadRowsError."""
    priced = [cast(PriceRow | None, rows.get(price_key(sku))) for sku in skus]
    return {row["sku"]: row["title"] for row in priced if row is not None and "title" in row}


def purchase_of(order: OrderRow, titles: Mapping[str, str]) -> Purchase:
    """Return the contents of an order at its prices, with these titles of its SKUs."""
    prices = {line["sku"]: line["unit_price"] for line in decisions.original_order(order)["lines"]}

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
    """Return the query's handler; see `find`."""
    dynamodb, table = clients.dynamodb, environ["TABLE_NAME"]

    def handle(event: ContactQuery, context: object) -> FoundContact | NoContact:
        return find(ReadOnce(dynamodb, table, READ_TRIES, "rows of a contact"), event)

    return handle


handler = lambda_handler(bootstrap)
