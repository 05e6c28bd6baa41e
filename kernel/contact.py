"""The query for personal data: where an order's mails and parcels go, with the order's facts. The order service answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kernel.clients import AwsClient
from kernel.errors import RetryableError
from kernel.facts import FactsUnavailableError, OrderFacts, ask


class ContactUnavailableError(RetryableError):
    """The query failed. It is unknown whether there is a contact; the query may be repeated."""


class ContactNotYetError(ContactUnavailableError):
    """The customer has no contact yet, and the order is so young that one may still arrive."""


@dataclass(frozen=True)
class Contact:
    """A person's contact. Do not log or store it, and put it into no event. Its repr is empty.

    `address` has `line1`, `line2` (optional), `city`, `region` (optional), `postal_code`, `country` (ISO 3166-1, two letters).
    """

    name: str = field(repr=False)
    email: str = field(repr=False)
    address: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Addressed:
    """An order as its service durably states it, and its customer's contact. Each is None if it is missing."""

    order: OrderFacts | None
    contact: Contact | None


class Contacts:
    """The order service's `contact` function, by its ARN. `client` returns Lambda's client."""

    def __init__(self, client: Callable[[], AwsClient], function_arn: str) -> None:
        self.client = client
        self.function_arn = function_arn

    def of(self, order_id: str) -> Addressed:
        """Return the order's facts and its customer's contact, which is None if it was never given or is forgotten.

        Raises ContactNotYetError, ContactUnavailableError, and botocore's errors of Lambda.
        """
        try:
            found = ask(self.client(), self.function_arn, order_id)
        except FactsUnavailableError as failure:
            raise ContactUnavailableError(str(failure)) from None
        match found["outcome"]:
            case "FOUND":
                return Addressed(found.get("order"), Contact(found["name"], found["email"], found["address"]))
            case "NOT_FOUND":
                return Addressed(found.get("order"), None)
            case "NOT_YET":
                raise ContactNotYetError(f"the customer of {order_id} has no contact yet; the order is young, so retry")
            case outcome:
                raise ContactUnavailableError(f"the contact function answered {outcome!r} for {order_id}")
