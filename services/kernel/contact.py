"""The one query between services: where do an order's mails and parcels go? The order service answers it, for ids only."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.kernel import clients, outside_json


class ContactUnavailable(Exception):
    """The query failed; whether there is a contact is not known, and the same question may be asked again."""


class ContactNotYetError(ContactUnavailable):
    """The customer has no contact, and the order is so young that one may yet come."""


@dataclass(frozen=True)
class Contact:
    """A person's contact, to use and let go of: it enters no log, no row, no event (its repr is empty).

    `address` has `line1`, `line2` (optional), `city`, `region` (optional), `postal_code`, `country` (ISO 3166-1, two letters).
    """

    name: str = field(repr=False)
    email: str = field(repr=False)
    address: Mapping[str, str] = field(repr=False)


def contact_of(order_id: str, function_arn: str) -> Contact | None:
    """The contact of the order's customer; None when it was never given, or is forgotten.

    Raises ContactNotYetError, ContactUnavailable, and what Lambda raises.
    """
    answer = clients.functions().invoke(
        FunctionName=function_arn, InvocationType="RequestResponse", Payload=json.dumps({"order_id": order_id}).encode()
    )
    found: dict[str, Any] = outside_json.read_object(answer["Payload"].read())
    if "FunctionError" in answer:
        failure = found.get("errorType", answer["FunctionError"])  # never its message, which may hold whom it was about
        raise ContactUnavailable(f"the contact function failed on {order_id}: {failure}")
    match found["outcome"]:
        case "FOUND":
            return Contact(found["name"], found["email"], found["address"])
        case "NOT_FOUND":
            return None
        case "NOT_YET":
            raise ContactNotYetError(f"the customer of {order_id} has no contact; the order is young, so ask again")
        case outcome:
            raise ContactUnavailable(f"the contact function answered {outcome!r} for {order_id}")
