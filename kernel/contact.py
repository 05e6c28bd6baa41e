"""The query for personal data: where an order's mails and parcels go, with the order's facts. The order service answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kernel import clients
from kernel.errors import RetryableError
from kernel.facts import Facts, FactsUnavailableError, ask


class ContactUnavailableError(RetryableError):
    """The contact query failed. The same query is safe to repeat."""


class ContactNotYetError(ContactUnavailableError):
    """The customer has no contact, and the order is so young that one may still come."""


@dataclass(frozen=True)
class Contact:
    """A person's contact, to use and let go of: it enters no log, no row, no event (its repr is empty).

    `address` has `line1`, `line2` (optional), `city`, `region` (optional), `postal_code`, `country` (ISO 3166-1, two letters).
    """

    name: str = field(repr=False)
    email: str = field(repr=False)
    address: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Addressed:
    """An order as its service durably states it, and its customer's contact. Each is None if it is not there."""

    order: Facts | None
    contact: Contact | None


def contact_of(order_id: str, function_arn: str) -> Addressed:
    """Return the order's facts, and its customer's contact, which is None when it was never given, or is forgotten.

    Raises ContactNotYetError, ContactUnavailableError, and what Lambda raises.
    """
    try:
        found = ask(clients.functions(), function_arn, order_id)
    except FactsUnavailableError as failure:
        raise ContactUnavailableError(str(failure)) from None
    match found["outcome"]:
        case "FOUND":
            return Addressed(found.get("order"), Contact(found["name"], found["email"], found["address"]))
        case "NOT_FOUND":
            return Addressed(found.get("order"), None)
        case "NOT_YET":
            raise ContactNotYetError(f"the customer of {order_id} has no contact; the order is young, so ask again")
        case outcome:
            raise ContactUnavailableError(f"the contact function answered {outcome!r} for {order_id}")
