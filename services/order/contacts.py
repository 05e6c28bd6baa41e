"""Contacts: where a customer's mails and parcels go. In items of their own, so that a person can be forgotten."""

from collections.abc import Mapping
from typing import Any

from services.kernel.rows import Row, marshal, unmarshal


class Contacts:
    """The rows `CONTACT#<customer_id>` of the order table: `customer_id`, `name`, `email`, `address`."""

    def __init__(self, client: Any, table_name: str) -> None:
        self.client = client
        self.table_name = table_name

    def put(self, customer_id: str, contact: Mapping[str, Any]) -> None:
        """Keep the contact, in place of an earlier one."""
        item = {"pk": f"CONTACT#{customer_id}", "customer_id": customer_id, **contact}
        self.client.put_item(TableName=self.table_name, Item=marshal(item))

    def get(self, customer_id: str) -> Row | None:
        """The contact, or None when it was never given or is forgotten."""
        answer = self.client.get_item(TableName=self.table_name, Key=marshal({"pk": f"CONTACT#{customer_id}"}))
        return unmarshal(answer["Item"]) if "Item" in answer else None

    def forget(self, customer_id: str) -> None:
        """Delete the contact. The customer's orders stay; mails and parcels no longer find the person."""
        self.client.delete_item(TableName=self.table_name, Key=marshal({"pk": f"CONTACT#{customer_id}"}))
