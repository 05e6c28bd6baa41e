"""DynamoDB's capacity units: the size of an item, and the units that a read, a write and an index cost.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simulation.engine.api import Request, Response
from simulation.engine.expressions import AttributeValue, Item

WRITE_BYTES: Final = 1024
READ_BYTES: Final = 4096
IN_A_TRANSACTION: Final = 2
"""A transaction reads or writes each item twice."""
CONTAINER_BYTES: Final = 3
"""A list or a map has three bytes of its own, and one more for each element."""


@dataclass(frozen=True)
class Index:
    """A global secondary index: its keys, and the attributes that it holds beside them; every attribute if `shows` is None."""

    partition: str
    sort: str
    shows: tuple[str, ...] | None = ()

    def entry(self, item: Item | None, table_keys: tuple[str, ...]) -> Item | None:
        """Return the item's entry in the index; None if it has none."""
        if item is None or self.partition not in item or self.sort not in item:
            return None
        if self.shows is None:
            return item
        return {name: item[name] for name in (*table_keys, self.partition, self.sort, *self.shows) if name in item}


def size(item: Item | None) -> int:
    """Return the bytes of an item: the names of its attributes and their values."""
    return sum(len(name.encode()) + _bytes(value) for name, value in (item or {}).items())


def write_units(old: Item | None, new: Item | None) -> int:
    """Return the units of a write, by the larger of the item before and after. A refused write costs what is there."""
    return max(1, math.ceil(max(size(old), size(new)) / WRITE_BYTES))


def read_units(operation: str, request: Request, answer: Response) -> float:
    """Return the units of a GetItem, BatchGetItem, Query or Scan. A read that finds nothing costs as one of the least size."""
    if operation == "BatchGetItem":
        return sum(
            _of_item(item, bool(wanted.get("ConsistentRead")))
            for table, wanted in request["RequestItems"].items()
            for item in _padded(answer["Responses"].get(table, []), len(wanted["Keys"]))
        )
    consistent = bool(request.get("ConsistentRead"))
    if operation == "GetItem":
        return _of_item(answer.get("Item"), consistent)
    return _units(sum(size(item) for item in answer.get("Items", ())), consistent)


def index_units(index: Index, table_keys: tuple[str, ...], old: Item | None, new: Item | None) -> int:
    """Return the units that a write costs in an index: none if the entry stays, two writes if its key changes."""
    before, after = index.entry(old, table_keys), index.entry(new, table_keys)
    if before == after:
        return 0
    if before and after and all(before[key] == after[key] for key in (index.partition, index.sort)):
        return write_units(before, after)
    return sum(write_units(None, entry) for entry in (before, after) if entry)


def written(operation: str, request: Request) -> Iterator[tuple[str, Item, int]]:
    """Yield each item that a write names: its table, its key or item, and how many times a unit is counted."""
    if operation != "TransactWriteItems":
        yield request["TableName"], request.get("Key") or request["Item"], 1
        return
    for action in (next(iter(action.values())) for action in request["TransactItems"]):
        yield action["TableName"], action.get("Key") or action["Item"], IN_A_TRANSACTION


def _of_item(item: Item | None, consistent: bool) -> float:
    return _units(size(item), consistent)


def _units(count: int, consistent: bool) -> float:
    return max(1, math.ceil(count / READ_BYTES)) * (1.0 if consistent else 0.5)


def _padded(items: list[Item], wanted: int) -> list[Item | None]:
    return [*items, *([None] * (wanted - len(items)))]


def _bytes(value: AttributeValue) -> int:
    if "S" in value:
        return len(value["S"].encode())
    if "N" in value:
        digits = value["N"].lstrip("-").replace(".", "").strip("0")
        return (len(digits) + 1) // 2 + 1 + value["N"].startswith("-")
    if "L" in value:
        return CONTAINER_BYTES + sum(1 + _bytes(part) for part in value["L"])
    if "M" in value:
        return CONTAINER_BYTES + sum(1 + len(name.encode()) + _bytes(part) for name, part in value["M"].items())
    if value.keys() & {"BOOL", "NULL"}:
        return 1
    raise ValueError(f"an attribute of type {', '.join(value)} is not measured")
