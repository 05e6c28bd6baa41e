"""The items of SKUs, `SKU#<sku>`: counters, and the queue of waiting orders. Each change is a part of a transaction."""

from collections.abc import Iterable

from botocore.exceptions import ClientError

from kernel import clock
from kernel.aggregate_store import DUE_INDEX_ATTRIBUTES, KeyedStore, Write, due_at, is_condition_failure, marshal
from kernel.clients import AwsClient
from kernel.transactions import Action
from services.inventory.domain.model import SkuRow, WaitingOrder
from services.inventory.domain.stock import (
    AVAILABLE,
    COUNTERS,
    HELD,
    MAX_WAITING,
    REPLENISHED,
    Dequeue,
    Enqueue,
    Move,
    Stock,
    StockChange,
    Waiting,
)


class Skus(KeyedStore[SkuRow]):
    """The items `SKU#<sku>`. A SKU becomes due for the sweeper whenever its stock or its queue changes."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, "SKU")

    def get(self, row_id: str) -> SkuRow | None:
        """Return the SKU's name, counters and `waiting` (`order_id` and `quantity`, first come first), or None if unknown."""
        row = super().get(row_id)
        if row is None:
            return None
        return {
            "sku": row_id,
            "available": row["available"],
            "held": row["held"],
            "sold": row["sold"],
            "replenished": row["replenished"],
            "waiting": row.get("waiting", []),
        }

    def clear_due(self, sku: str, seen: SkuRow) -> None:
        """Clear the SKU's due marker unless the row has changed since it was read as `seen`."""
        same = f"{AVAILABLE} = :available AND (waiting = :waiting OR attribute_not_exists(waiting))"
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=marshal({"pk": self.key(sku)}),
                UpdateExpression=f"REMOVE {', '.join(DUE_INDEX_ATTRIBUTES)}",
                ConditionExpression=same,
                ExpressionAttributeValues=marshal({":available": seen["available"], ":waiting": seen["waiting"]}),
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise


def stock_of(row: SkuRow | None) -> Stock:
    """Return the stock in a SKU's item; zero for an unknown SKU."""
    if row is None:
        return Stock()
    queue = tuple(Waiting(waiting["order_id"], waiting["quantity"]) for waiting in row.get("waiting", ()))
    return Stock(row["available"], row["held"], row["sold"], queue)


def action(table_name: str, part: StockChange) -> Action:
    """Return a stock step as a transaction's Update of its SKU's row. If it is refused, the response holds the current row."""
    match part:
        case Move(source=None):
            update = _take_in(part)
        case Move():
            update = _move(part)
        case Enqueue():
            update = _enqueue(part)
        case Dequeue():
            update = _dequeue(part)
    write: Write = {
        "TableName": table_name,
        "Key": marshal({"pk": f"SKU#{part.sku}"}),
        "UpdateExpression": update.expression,
        "ExpressionAttributeValues": marshal(update.values),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    if update.conditions:
        write["ConditionExpression"] = " AND ".join(update.conditions)
    return {"Update": write}


class _Update:
    """The pieces of an update of a SKU's row."""

    def __init__(self, sku: str, *, due: bool) -> None:
        self.sets: dict[str, str] = {}
        self.adds: list[str] = []
        self.conditions: list[str] = []
        self.values: dict[str, object] = {}
        if due:
            for name, value in due_at(f"SKU#{sku}", clock.now()).items():
                self.sets[name] = f"if_not_exists({name}, :{name})"
                self.values[f":{name}"] = value

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


def _take_in(move: Move) -> _Update:
    update = _Update(move.sku, due=True)
    update.begin(move.sku, (counter for counter in COUNTERS if counter not in (move.target, REPLENISHED)))
    update.adds += [f"{move.target} :plus", f"{REPLENISHED} :plus"]
    update.values[":plus"] = move.quantity
    return update


def _move(move: Move) -> _Update:
    update = _Update(move.sku, due=AVAILABLE in (move.source, move.target))
    update.adds += [f"{move.target} :plus", f"{move.source} :minus"]
    update.values |= {":plus": move.quantity, ":minus": -move.quantity, ":least": move.quantity + move.reserved_for_queue}
    update.conditions.append(f"{move.source} >= :least")
    if move.source == AVAILABLE:
        update.conditions.append("(attribute_not_exists(waited_for) OR waited_for <= :beside)")
        update.values[":beside"] = move.reserved_for_queue
    return update


def _enqueue(join: Enqueue) -> _Update:
    update = _Update(join.sku, due=True)
    update.begin(join.sku, COUNTERS)
    update.sets["waiting"] = "list_append(if_not_exists(waiting, :empty), :joins)"
    update.adds.append("waited_for :plus")
    update.conditions.append("(attribute_not_exists(waiting) OR size(waiting) < :most)")
    joins = [{"order_id": join.order_id, "quantity": join.quantity}]
    update.values |= {":empty": [], ":joins": joins, ":plus": join.quantity, ":most": MAX_WAITING}
    return update


def _dequeue(leave: Dequeue) -> _Update:
    update = _Update(leave.sku, due=True)
    update.sets["waiting"] = ":left"
    update.adds.append("waited_for :minus")
    update.conditions.append("waiting = :queue")
    update.values |= {":left": _as_list(leave.left), ":queue": _as_list(leave.queue), ":minus": -leave.quantity}
    if leave.served:
        update.adds += [f"{HELD} :plus", f"{AVAILABLE} :minus"]
        update.conditions.append(f"{AVAILABLE} >= :least")
        update.values |= {":plus": leave.quantity, ":least": leave.ahead + leave.quantity}
    return update


def _as_list(queue: Iterable[Waiting]) -> list[WaitingOrder]:
    return [{"order_id": waiting.order_id, "quantity": waiting.quantity} for waiting in queue]
