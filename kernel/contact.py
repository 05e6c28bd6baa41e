"""The query for personal data: where an order's mails and parcels go, with the order's facts. The order service answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NotRequired, TypedDict, cast

from kernel.addresses import Address
from kernel.clients import AwsClient
from kernel.errors import RetryableError
from kernel.facts import FactsQuery, FactsUnavailableError, OrderFacts, ask
from kernel.money import MoneyDict
from kernel.statements import Quantity

PURCHASE: Final = "purchase"
"""The `detail` of a query that also returns the purchase."""


class ContactUnavailableError(RetryableError):
    """The query failed. It is unknown whether there is a contact; the query may be repeated."""


class ContactNotYetError(ContactUnavailableError):
    """The customer has no contact yet, and the order is so young that one may still arrive."""


@dataclass(frozen=True)
class Contact:
    """A person's contact. Do not log or store it, and put it into no event. Its repr is empty."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    address: Address = field(repr=False)


class PurchasedLine(TypedDict):
    """So many of a SKU. `title` is the catalogue's, or the SKU if it has none; `unit_price` is in minor units."""

    sku: str
    title: str
    quantity: int
    unit_price: int


class ShortLine(TypedDict):
    """A SKU that was not in stock in the quantity that was requested, with its title."""

    sku: str
    title: str
    requested: int
    available: int


class Purchase(TypedDict):
    """The contents of an order, for its customer's mails. `placed_at` is in RFC 3339 (UTC).

    `left_out` has the ordered goods that are not in stock. `total` is that of `lines`, in minor units of its currency. `short`
    has the goods that inventory refused the order for, or that it waits for; an order service before version 0.3 leaves it out.
    """

    placed_at: str
    lines: list[PurchasedLine]
    left_out: list[PurchasedLine]
    short: NotRequired[list[ShortLine]]
    total: MoneyDict


class ContactQuery(FactsQuery):
    """A query about the contact of an order's customer; with the `detail` PURCHASE also about the order's contents.

    `customer_id` and `skus` are what an event states. They are read together with the order, which decides whether they are
    true.
    """

    detail: NotRequired[str]
    customer_id: NotRequired[str]
    skus: NotRequired[list[str]]


class FoundContact(TypedDict):
    """The answer of the `contact` function with the contact of an order's customer, and the purchase if it was requested."""

    outcome: Literal["FOUND"]
    order: OrderFacts | None
    customer_id: str
    name: str
    email: str
    address: Address
    purchase: NotRequired[Purchase]


class NoContact(TypedDict):
    """The answer of the `contact` function for a customer without a contact. `order` is None if there is no order."""

    outcome: Literal["NOT_YET", "NOT_FOUND"]
    order: OrderFacts | None


@dataclass(frozen=True)
class Addressed:
    """An order as its service durably states it, and its customer's contact. Each is None if it is missing.

    `purchase` is there if it was requested and there is a contact.
    """

    order: OrderFacts | None
    contact: Contact | None
    purchase: Purchase | None = None


class Contacts:
    """The order service's `contact` function, by its ARN. `client` returns Lambda's client."""

    def __init__(self, client: Callable[[], AwsClient], function_arn: str) -> None:
        self.client = client
        self.function_arn = function_arn

    def of(self, order_id: str, *, purchase: bool = False, stated: Mapping[str, object] | None = None) -> Addressed:
        """Return the order's facts and its customer's contact, which is None if it was never given or is forgotten.

        With `purchase`, also return its contents with the catalogue's titles. `stated` is the data of an event about the order:
        its `customer_id` and `lines` save reads, and decide nothing.

        Raises ContactNotYetError, ContactUnavailableError, and botocore's errors of Lambda.
        """
        try:
            about = {**({"detail": PURCHASE} if purchase else {}), **_hints(stated or {})}
            answered = ask(self.client(), self.function_arn, order_id, **about)
        except FactsUnavailableError as failure:
            raise ContactUnavailableError(str(failure)) from None
        found = cast(FoundContact | NoContact, answered)
        match found["outcome"]:
            case "FOUND":
                if purchase and "purchase" not in found:  # the order service is still the one before
                    raise ContactUnavailableError(f"the contact function answered without the purchase of {order_id}")
                contact = Contact(found["name"], found["email"], found["address"])
                return Addressed(found.get("order"), contact, found.get("purchase"))
            case "NOT_FOUND":
                return Addressed(found.get("order"), None)
            case "NOT_YET":
                raise ContactNotYetError(f"the customer of {order_id} has no contact yet; the order is young, so retry")
            case outcome:
                raise ContactUnavailableError(f"the contact function answered {outcome!r} for {order_id}")


def _hints(stated: Mapping[str, object]) -> Mapping[str, object]:
    """Return what the data of an event says of the customer and the SKUs, as a query has it."""
    customer_id, lines = stated.get("customer_id"), stated.get("lines")
    skus = [line["sku"] for line in cast(list[Quantity], lines)] if isinstance(lines, list) else []
    return {**({"customer_id": customer_id} if customer_id else {}), **({"skus": skus} if skus else {})}
