"""Contacts: where a customer's mails and parcels go. In items of their own, so that a person can be forgotten.

Beside each contact stands a mark without personal data, `REACHABLE#<customer_id>`. It lets the order API see that there is a
contact, which it may not read. Both are written in one transaction.
"""

from collections.abc import Mapping
from typing import TypedDict

from kernel.addresses import Address
from kernel.aggregate_store import AttributeValue, Item, marshal
from kernel.clients import AwsClient
from kernel.transactions import Action, transact


class ContactRow(TypedDict):
    """A contact as DynamoDB keeps it: `CONTACT#<customer_id>`."""

    pk: str
    customer_id: str
    name: str
    email: str
    address: Address


def key_of(customer_id: str) -> dict[str, AttributeValue]:
    """Return the key of the mark that the customer has a contact, in DynamoDB's wire form."""
    return marshal({"pk": f"REACHABLE#{customer_id}"})


def contact_key(customer_id: str) -> str:
    """Return the key of the customer's contact."""
    return f"CONTACT#{customer_id}"


class Contacts:
    """The rows `CONTACT#<customer_id>` of the order table: `customer_id`, `name`, `email`, `address`; and their marks."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        self.client = client
        self.table_name = table_name

    def put(self, customer_id: str, contact: Mapping[str, object]) -> None:
        """Keep the contact, in place of an earlier one. Raises ContentionError."""
        item = {"pk": contact_key(customer_id), "customer_id": customer_id, **contact}
        mark = {**key_of(customer_id), **marshal({"customer_id": customer_id})}
        transact(self.client, [self._put(marshal(item)), self._put(mark)])

    def forget(self, customer_id: str) -> None:
        """Delete the contact. The customer's orders stay; mails and parcels no longer find the person.

        Raises ContentionError.
        """
        keys = (marshal({"pk": contact_key(customer_id)}), key_of(customer_id))
        transact(self.client, [{"Delete": {"TableName": self.table_name, "Key": key}} for key in keys])

    def _put(self, item: Item) -> Action:
        return {"Put": {"TableName": self.table_name, "Item": item}}
