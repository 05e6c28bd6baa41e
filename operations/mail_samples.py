"""Sample mails: each kind as a stage's customers get it, about an order with two titles and one that is out of stock."""

from collections.abc import Mapping
from typing import Final, get_args

from kernel.addresses import Address
from kernel.contact import Contact, Purchase
from kernel.facts import OrderFacts, ShipmentFacts
from services.notification.domain import mails
from services.notification.domain.mails import Mail, Shop
from services.notification.domain.model import Kind
from stages import Stage

KINDS: Final = tuple(sorted(get_args(Kind)))
"""The kinds of mails."""
ORDER: Final = "ord-ae2ryiqq5hnkd3tqqsyblahvqe"
PURCHASE: Final = Purchase(
    placed_at="2026-11-23T12:00:00.000Z",
    lines=[
        {"sku": "LP-KIND-OF-BLUE", "title": "Kind of Blue (LP)", "quantity": 2, "unit_price": 2499},
        {"sku": "MUG-BLUE", "title": "Mug, blue", "quantity": 1, "unit_price": 1250},
    ],
    left_out=[{"sku": "LP-SOLD-OUT", "title": "Sold Out (LP)", "quantity": 1, "unit_price": 1999}],
    short=[{"sku": "LP-SOLD-OUT", "title": "Sold Out (LP)", "requested": 1, "available": 0}],
    total={"amount": 6248, "currency": "USD"},
)
WHOLE: Final = Purchase(
    **{
        **PURCHASE,
        "lines": [*PURCHASE["lines"], *PURCHASE["left_out"]],
        "left_out": [],
        "total": {"amount": 8247, "currency": "USD"},
    }
)
"""The purchase of an order that waits for all of it, or of one that was refused."""
CONFIRMED: Final = OrderFacts(
    outcome="FOUND",
    order_id=ORDER,
    status="CONFIRMED",
    fulfilment="NONE",
    confirmed=True,
    revoked=False,
    backordered=False,
    lines=[],
    left_out=[],
    total={"amount": 6248, "currency": "USD"},
)
FACTS: Final[Mapping[Kind, OrderFacts | ShipmentFacts]] = {
    "backordered": CONFIRMED,
    "cancelled": OrderFacts(**{**CONFIRMED, "status": "CANCELLED", "confirmed": False, "reason": "OUT_OF_STOCK"}),
    "confirmed": CONFIRMED,
    "dispatched": ShipmentFacts(outcome="FOUND", order_id=ORDER, status="DISPATCHED", tracking="SBX-2c1d9f0a7b3e4d58"),
}
"""The facts that each kind of mail states beside the purchase."""


def shop_of(stage: Stage) -> Shop:
    """Return the shop as the stage's mails name it."""
    return Shop(stage.shop_name, stage.support_address, stage.tracking_url or "")


def compose(kind: Kind, shop: Shop, country: str) -> Mail:
    """Return a sample mail to a customer in a country (ISO 3166-1, two letters)."""
    address: Address = {"line1": "1 Main St", "city": "Springfield", "postal_code": "12345", "country": country}
    purchase = WHOLE if kind in ("backordered", "cancelled") else PURCHASE
    return mails.compose(kind, shop, ORDER, Contact("Alice Example", "alice@example.com", address), purchase, FACTS[kind])
