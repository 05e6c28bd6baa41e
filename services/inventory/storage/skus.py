"""The items of SKUs, `SKU#<sku>`: counters, and the bounds of the queue. Each change is a part of a transaction."""

from collections.abc import Iterable
from typing import Literal

from kernel import clock
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, KeyedStore, Write, due_at, marshal, update_if
from kernel.clients import AwsClient
from kernel.transactions import Action
from services.inventory.domain.model import SkuRow, WaitingOrder
from services.inventory.domain.stock import (
    AVAILABLE,
    COUNTERS,
    HELD,
    REPLENISHED,
    Dequeue,
    Join,
    Leave,
    Move,
    Return,
    Stock,
    StockChange,
    Waiting,
)
from services.inventory.storage import places


class Skus(KeyedStore[SkuRow]):
    """The items `SKU#<sku>`. A SKU becomes due for the sweeper when its queue changes, or its stock rises.

    A SKU that is watched also becomes due when an order takes of its stock.
    """

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, "SKU")

    def get(self, row_id: str) -> SkuRow | None:
        """Return the SKU's name, its counters and the bounds of its queue, or None if it is unknown."""
        row = super().get(row_id)
        if row is None:
            return None
        return {
            "sku": row_id,
            "available": row["available"],
            "held": row["held"],
            "sold": row["sold"],
            "replenished": row["replenished"],
            "waited_for": row.get("waited_for", 0),
            "first_place": row.get("first_place", 0),
            "next_place": row.get("next_place", 0),
            "shards": row.get("shards", 0),
            "merging": row.get("merging", 0),
            "splits": row.get("splits", 0),
            "waiting": row.get("waiting", []),
            "watched": row.get("watched", False),
        }

    def mark_watched(self, sku: str) -> None:
        """Let each order of the SKU make it due, because the SKU has a threshold; nothing for an unknown SKU."""
        update_if(self.client, self.table_name, self.key(sku), "SET watched = :yes", "attribute_exists(pk)", {":yes": True})

    def clear_due(self, sku: str, seen: SkuRow, first_place: int) -> None:
        """Clear the SKU's due marker, and let its queue begin at `first_place`, unless the row has changed since it was `seen`.

        An order that joins raises `next_place`, and one that leaves lowers `waited_for`. The list `waiting` can change beside
        both, while an older version of the code runs. A SKU that is merging stays due.
        """
        same = (
            f"attribute_not_exists(merging) AND {AVAILABLE} = :available"
            " AND (waited_for = :waited_for OR attribute_not_exists(waited_for))"
            " AND (next_place = :next OR attribute_not_exists(next_place))"
            " AND (waiting = :waiting OR attribute_not_exists(waiting))"
        )
        begins = seen["first_place"] != first_place
        values = {
            ":available": seen["available"],
            ":waited_for": seen["waited_for"],
            ":next": seen["next_place"],
            ":waiting": seen["waiting"],
        }
        update = f"{'SET first_place = :first ' if begins else ''}REMOVE {', '.join(DUE_INDEX_ATTRIBUTES)}"
        values |= {":first": first_place} if begins else {}
        update_if(self.client, self.table_name, self.key(sku), update, same, values)


def stock_of(row: SkuRow | None) -> Stock:
    """Return the stock in a SKU's item; zero for an unknown SKU."""
    if row is None:
        return Stock()
    queue = tuple(Waiting(waiting["order_id"], waiting["quantity"]) for waiting in row.get("waiting", ()))
    return Stock(
        row["available"],
        row["held"],
        row["sold"],
        row.get("waited_for", 0),
        row.get("next_place", 0),
        queue,
        row.get("shards", 0),
        row.get("merging", 0),
        row.get("watched", False),
    )


def actions(table_name: str, part: StockChange) -> list[Action]:
    """Return a stock step as a transaction's actions: on its SKU's row, then on its place in the queue, if it has one.

    If the SKU's row refuses, the response holds the current row.
    """
    if isinstance(part, Join):
        return [_action(table_name, part), places.take(table_name, part)]
    if isinstance(part, Leave):
        return [_action(table_name, part), places.give_up(table_name, part)]
    if isinstance(part, Return):
        return [_action(table_name, part), update_action(table_name, part.sku, taken_over(part.sku, part.quantity))]
    return [_action(table_name, part)]


def _action(table_name: str, part: StockChange) -> Action:
    match part:
        case Return():
            update = given_up(part.sku, part.quantity, part.source)
        case Move(source=None):
            update = _take_in(part)
        case Move():
            update = _move(part)
        case Join():
            update = _join(part)
        case Leave():
            update = _leave(part)
        case Dequeue():
            update = _dequeue(part)
    return update_action(table_name, part.row, update)


def key_of(row: str) -> str:
    """Return the key of a row of stock: `SKU#MUG`, or `SHARD#MUG#2` for a shard beside it."""
    return f"SHARD#{row}" if "#" in row else f"SKU#{row}"


def update_action(table_name: str, row: str, update: "Update") -> Action:
    """Return an update of a row of stock as a transaction's action."""
    write: Write = {
        "TableName": table_name,
        "Key": marshal({"pk": key_of(row)}),
        "UpdateExpression": update.expression,
        "ExpressionAttributeValues": marshal(update.values),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if update.conditions:
        write["ConditionExpression"] = " AND ".join(update.conditions)
    return {"Update": write}


Attribute = Literal["sku", "shard_number", "shards", "splits", "next_place", "waiting", "due_shard", "next_due"]
"""The attributes of a row of stock that an update sets. The counters are added to."""


class Update:
    """The pieces of an update of a SKU's row."""

    def __init__(self, sku: str, *, due: bool) -> None:
        self.sets: dict[Attribute, str] = {}
        self.adds: list[str] = []
        self.conditions: list[str] = []
        self.values: dict[str, object] = {}
        if due:
            when_due = due_at(f"SKU#{sku}", clock.now())
            self.sets["due_shard"] = "if_not_exists(due_shard, :due_shard)"
            self.sets["next_due"] = "if_not_exists(next_due, :next_due)"
            self.values |= {":due_shard": when_due["due_shard"], ":next_due": when_due["next_due"]}

    @property
    def expression(self) -> str:
        """The update expression."""
        sets = "SET " + ", ".join(f"{name} = {value}" for name, value in self.sets.items()) if self.sets else ""
        adds = "ADD " + ", ".join(self.adds) if self.adds else ""
        return f"{sets} {adds}".strip()

    def begin(self, sku: str, counters: Iterable[str]) -> None:
        """Give a new item its name, and these counters at zero."""
        self.sets["sku"] = ":sku"
        self.adds += [f"{counter} :zero" for counter in counters]
        self.values |= {":sku": sku, ":zero": 0}


def _take_in(move: Move) -> Update:
    update = Update(move.sku, due=True)
    update.begin(move.sku, (counter for counter in COUNTERS if counter not in (move.target, REPLENISHED)))
    update.adds += [f"{move.target} :plus", f"{REPLENISHED} :plus"]
    update.values[":plus"] = move.quantity
    return update


def _move(move: Move) -> Update:
    takes = move.source == AVAILABLE and not move.shard
    update = Update(move.sku, due=(takes and move.watched) or (move.target == AVAILABLE and not move.shard))
    update.adds += [f"{move.target} :plus", f"{move.source} :minus"]
    update.values |= {":plus": move.quantity, ":minus": -move.quantity, ":least": move.quantity + move.reserved_for_queue}
    update.conditions.append(f"{move.source} >= :least")
    if move.source == AVAILABLE:
        update.conditions.append("(attribute_not_exists(waited_for) OR waited_for <= :beside)")
        update.values[":beside"] = move.reserved_for_queue
    if takes and not move.watched:
        update.conditions.append("attribute_not_exists(watched)")
    if move.is_whole:
        update.conditions.append("attribute_not_exists(shards)")
    return update


def given_up(sku: str, quantity: int, source: str) -> "Update":
    """Return the update of a row whose units go to another row of the SKU."""
    update = Update(sku, due=False)
    update.adds += [f"{source} :minus", f"{REPLENISHED} :minus"]
    update.conditions.append(f"{source} >= :quantity")
    update.values |= {":minus": -quantity, ":quantity": quantity}
    return update


def taken_over(sku: str, quantity: int) -> "Update":
    """Return the update of a SKU's own row that units of another row come into."""
    update = Update(sku, due=True)
    update.adds += [f"{AVAILABLE} :plus", f"{REPLENISHED} :plus"]
    update.values[":plus"] = quantity
    return update


def _join(join: Join) -> Update:
    update = Update(join.sku, due=True)
    update.begin(join.sku, COUNTERS)
    update.sets["next_place"] = ":after"
    update.adds.append("waited_for :plus")
    update.conditions.append("next_place = :place" if join.place else "attribute_not_exists(next_place)")
    update.conditions.append("attribute_not_exists(shards) AND attribute_not_exists(merging)")
    update.values |= {":after": join.place + 1, ":plus": join.quantity}
    if join.place:
        update.values[":place"] = join.place
    return update


def _leave(leave: Leave) -> Update:
    update = Update(leave.sku, due=True)
    update.adds.append("waited_for :minus")
    update.values[":minus"] = -leave.quantity
    if leave.ahead is not None:
        _serve(update, leave.quantity, leave.ahead)
    return update


def _dequeue(leave: Dequeue) -> Update:
    update = Update(leave.sku, due=True)
    update.sets["waiting"] = ":left"
    update.adds.append("waited_for :minus")
    update.conditions.append("waiting = :queue")
    update.values |= {":left": _as_list(leave.left), ":queue": _as_list(leave.queue), ":minus": -leave.quantity}
    if leave.served:
        _serve(update, leave.quantity, leave.ahead)
    return update


def _serve(update: Update, quantity: int, ahead: int) -> None:
    """Hold the quantity that an order waited for, beside the units `ahead` of it. The update has `:minus` already."""
    update.adds += [f"{HELD} :plus", f"{AVAILABLE} :minus"]
    update.conditions.append(f"{AVAILABLE} >= :least")
    update.values |= {":plus": quantity, ":least": ahead + quantity}


def _as_list(queue: Iterable[Waiting]) -> list[WaitingOrder]:
    return [{"order_id": waiting.order_id, "quantity": waiting.quantity} for waiting in queue]
