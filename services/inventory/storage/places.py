"""The places in the queues of SKUs, `PLACE#<sku>#<place>`: one item for each back-order and SKU that it waits for."""

import time
from collections.abc import Callable, Iterator
from typing import Final, cast

from kernel.aggregate_store import marshal
from kernel.batch_reads import read_rows
from kernel.clients import AwsClient
from kernel.transactions import Action
from services.inventory.domain.model import PlaceRow
from services.inventory.domain.stock import Join, Leave

PREFIX: Final = "PLACE#"
PAGE: Final = 100
"""The most keys of one BatchGetItem."""
READ_TRIES: Final = 5


def key_of(sku: str, place: int) -> str:
    """Return the item's key."""
    return f"{PREFIX}{sku}#{place}"


def take(table_name: str, join: Join) -> Action:
    """Return the action by which an order takes a place that no order had before."""
    row: PlaceRow = {
        "pk": key_of(join.sku, join.place),
        "sku": join.sku,
        "place": join.place,
        "order_id": join.order_id,
        "quantity": join.quantity,
    }
    attributes = {name: value for name, value in row.items() if name != "pk"}
    return {
        "Update": {
            "TableName": table_name,
            "Key": marshal({"pk": row["pk"]}),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            "ConditionExpression": "attribute_not_exists(pk)",
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
            "ExpressionAttributeValues": marshal({f":{name}": value for name, value in attributes.items()}),
        }
    }


def give_up(table_name: str, leave: Leave) -> Action:
    """Return the action by which an order gives up its place. The place stays free for ever."""
    return {
        "Delete": {
            "TableName": table_name,
            "Key": marshal({"pk": key_of(leave.sku, leave.place)}),
            "ConditionExpression": "order_id = :order_id",
            "ExpressionAttributeValues": marshal({":order_id": leave.order_id}),
        }
    }


class Places:
    """The places in the queues."""

    def __init__(self, client: AwsClient, table_name: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.client = client
        self.table_name = table_name
        self._pause = pause

    def between(self, sku: str, first: int, end: int) -> Iterator[PlaceRow]:
        """Yield the places of a queue from `first` to before `end` that an order has, in order, read consistently.

        Raises UnreadRowsError: an unread place is not a free one.
        """
        for start in range(first, end, PAGE):
            yield from self._page(sku, range(start, min(start + PAGE, end)))

    def _page(self, sku: str, numbers: range) -> list[PlaceRow]:
        keys = [marshal({"pk": key_of(sku, number)}) for number in numbers]
        found = read_rows(self.client, self.table_name, keys, READ_TRIES, f"places in the queue of {sku}", self._pause)
        return sorted(cast(list[PlaceRow], found), key=lambda row: row["place"])
