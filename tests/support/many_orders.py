"""A DynamoDB client with any number of orders, each made when it is read: copies of one delivered order under other ids."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from audit.row_forms import known_row
from audit.snapshot import Snapshot
from audit.tables import LEDGER, TABLES
from kernel import clock
from kernel.aggregate_store import marshal
from services.order.domain import identity
from simulation.engine.api import Response
from simulation.engine.expressions import Item
from tests.support.audited_stage import STORIES, Stage
from tests.support.stored_snapshot import MOST_OF_A_PAGE, with_units

HASH_BYTES: Final = 32


@dataclass(frozen=True)
class Copied:
    """The order that is copied: its id, its hashes, and its rows of each table as JSON in DynamoDB's wire form."""

    order_id: str
    key_hash: str
    scope_hash: str
    scope: str
    rows: Mapping[str, list[str]]

    @classmethod
    def of(cls, snapshot: Snapshot, order_id: str) -> "Copied":
        """Take an order that the API placed out of the snapshot."""
        (order,) = [
            found[1] for found in map(known_row, snapshot.order) if found[0] == "ORDER" and found[1]["order_id"] == order_id
        ]
        rows = {
            table: [json.dumps(marshal(row)) for row in snapshot.table(table) if order_id in (row.get("order_id"), row["pk"])]
            for table in TABLES
        }
        scope = identity.customer_scope(order["customer_id"])
        return cls(order_id, order["key_hash"], order["scope_hash"], scope, rows)

    def rows_of(self, table: str, number: int) -> Iterator[Item]:
        """Yield the rows of the copy of this number."""
        key_hash = identity.shortened(number.to_bytes(8).ljust(HASH_BYTES, b"\0").hex())
        scope_hash = identity.shortened(identity.scope_hash(self.scope, key_hash))
        for text in self.rows[table]:
            copied = text.replace(self.order_id, identity.order_id_of(key_hash)).replace(self.key_hash, key_hash)
            item: Item = json.loads(copied.replace(self.scope_hash, scope_hash))
            yield item


def delivered_order() -> Copied:
    """Return an order that the services' own code has delivered."""
    stage = Stage()
    with clock.use_source(stage.now):
        stage.open()
        for _ in stage.live(STORIES[0], 0):
            stage.relay()
        stage.relay()
        snapshot = stage.snapshot()
    return Copied.of(snapshot, next(found[1]["order_id"] for found in map(known_row, snapshot.order) if found[0] == "ORDER"))


def number_of(order_id: str) -> int:
    """Return the number of a copy by its id."""
    letters = order_id.removeprefix("ord-").upper()
    return int.from_bytes(base64.b32decode(letters + "=" * (-len(letters) % 8))[:8])


@dataclass
class ManyOrders:
    """The client. `orders` copies fill the tables, with the SKUs and the delivery that they need."""

    copied: Copied
    orders: int
    stock: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        (reservation,) = [json.loads(text) for text in self.copied.rows["inventory"]]
        lines = [
            {"sku": line["M"]["sku"]["S"], "quantity": self.orders * int(line["M"]["quantity"]["N"])}
            for line in reservation["lines"]["L"]
        ]
        moment = reservation["created_at"]["S"]
        delivery: dict[str, object] = {
            "pk": "REPL#all",
            "replenishment_id": "all",
            "status": "REPLENISHED",
            "version": 1,
            "items": lines,
        }
        skus = [{"pk": f"SKU#{line['sku']}", "sku": line["sku"], "available": 0, "held": 0} for line in lines]
        counted = [
            row | {"sold": line["quantity"], "replenished": line["quantity"]} for row, line in zip(skus, lines, strict=True)
        ]
        self.stock = [cast(Item, marshal(row)) for row in (delivery | {"created_at": moment, "updated_at": moment}, *counted)]

    def scan(self, **request: Any) -> Response:
        """Return the rows from a position on, which is a part of the key that a page ends with."""
        table, limit = request["TableName"], request.get("Limit", MOST_OF_A_PAGE)
        start = int(request.get("ExclusiveStartKey", {"position": {"N": "0"}})["position"]["N"])
        items = list(self._from(table, start, limit))
        prefixes = tuple(value["S"] for value in request.get("ExpressionAttributeValues", {"": {"S": ""}}).values())
        page: dict[str, object] = {"ScannedCount": len(items), "Items": items}
        if len(items) == limit:
            page["LastEvaluatedKey"] = {"pk": items[-1]["pk"], "position": {"N": str(start + limit)}}
        filtered = {**page, "Items": [item for item in items if item["pk"]["S"].startswith(prefixes)]}
        return with_units("Scan", request, filtered, read=page)

    def query(self, **request: Any) -> Response:
        """Return an order's records."""
        order_id = request["ExpressionAttributeValues"][":pk"]["S"]
        items = list(self.copied.rows_of(LEDGER, number_of(order_id)))
        return with_units("Query", request, {"Items": items})

    def batch_get_item(self, **request: Any) -> Response:
        """Return the rows of existing orders."""
        found: dict[str, list[Item]] = {}
        for table, wanted in request["RequestItems"].items():
            keys = {key["pk"]["S"] for key in wanted["Keys"]}
            numbers = {number_of(pk.split("#")[1]) for pk in keys}
            items = [item for number in sorted(numbers) for item in self.copied.rows_of(table, number)]
            found[table] = [item for item in items if item["pk"]["S"] in keys]
        return with_units("BatchGetItem", request, {"Responses": found})

    def _from(self, table: str, start: int, limit: int) -> Iterator[Item]:
        rows = len(self.copied.rows[table])
        ends = start + limit
        for number in range(start // rows, min(self.orders, ends // rows + 1)):
            for position, item in enumerate(self.copied.rows_of(table, number), start=number * rows):
                if start <= position < ends:
                    yield item
        if table == "inventory":
            yield from self.stock[max(0, start - self.orders) : max(0, ends - self.orders)]
