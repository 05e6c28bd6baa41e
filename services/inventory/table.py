"""The inventory's table: reservations, replenishments, the counters of each SKU that move with them, and watched levels."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from botocore.exceptions import ClientError

from services.inventory import states
from services.inventory.decisions import Step
from services.inventory.stock import AVAILABLE, COUNTERS, REPLENISHED, Move, Shortages
from services.kernel import clients, clock
from services.kernel.rows import LEAVE_DUE_INDEX, Cause, Contended, Keyed, Row, Rows, due_at, is_condition_failure, marshal
from services.kernel.transactions import Action, transact

Decide = Callable[[Row | None, Shortages], Step | None]
TRIES: Final = 5


class StockRows(Rows):
    """Rows whose every step moves stock in the same transaction: `RES#<order_id>`, `REPL#<replenishment_id>`."""

    def move(self, aggregate_id: str, decide: Decide, cause: Cause, *, presume_absent: bool = False) -> Row:
        """Let `decide` look at the row and take the step it chooses; the row afterwards.

        As `Rows.advance`, and `decide` is also asked again, with the shortages, where a SKU had too little for the step.
        Raises Contended.
        """
        row = None if presume_absent else self.get(aggregate_id)
        short: Shortages = []
        for _ in range(TRIES):
            step = decide(row, short)
            if step is None:
                assert row is not None
                return row
            update = self.update(aggregate_id, row, step.change, cause)
            refused = transact(self.client, [{"Update": update}, *(_counters(self.table_name, move) for move in step.moves)])
            if not refused:
                return {**(row or {}), **step.change.set, "status": step.change.transition.target}
            if 0 in refused:  # somebody moved the row, or this step's first answer was lost: that wins over any shortage
                row, short = refused[0], []
            else:
                short = [_shortage(step.moves[position - 1], sku_row) for position, sku_row in refused.items()]
        raise Contended(f"{self.key(aggregate_id)} changed {TRIES} times while being written")


class Skus(Keyed):
    """The rows `SKU#<sku>`: `sku` and the counters `available`, `held`, `sold`, `replenished`.

    One of which more or less became available is due: a sweeper compares it with its threshold.
    """

    def __init__(self, client: Any, table_name: str) -> None:
        super().__init__(client, table_name, "SKU")

    def get(self, row_id: str) -> Row | None:
        """The SKU's name and counters as they durably are, or None if it was never replenished."""
        row = super().get(row_id)
        return {"sku": row_id, **{counter: row[counter] for counter in COUNTERS}} if row else None

    def looked_at(self, sku: str, available: int) -> None:
        """The SKU, of which so many were seen, is due no more, unless more or less became available since."""
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=marshal({"pk": self.key(sku)}),
                UpdateExpression=f"REMOVE {', '.join(LEAVE_DUE_INDEX)}",
                ConditionExpression=f"{AVAILABLE} = :seen",
                ExpressionAttributeValues=marshal({":seen": available}),
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise


@cache
def reservations() -> StockRows:
    """The reservations of the table this function was deployed with."""
    return StockRows(clients.dynamodb(), os.environ["TABLE_NAME"], states.TRANSITIONS)


@cache
def replenishments() -> StockRows:
    """The replenishments in the same table."""
    return StockRows(clients.dynamodb(), os.environ["TABLE_NAME"], states.REPLENISHMENTS)


@cache
def levels() -> Rows:
    """The levels of watched SKUs, `LEVEL#<sku>`, in the same table."""
    return Rows(clients.dynamodb(), os.environ["TABLE_NAME"], states.LEVELS)


@cache
def skus() -> Skus:
    """The SKUs in the same table."""
    return Skus(clients.dynamodb(), os.environ["TABLE_NAME"])


def _counters(table_name: str, move: Move) -> Action:
    """The move as a transaction's Update of the SKU's row, which the first replenishment makes with all its counters."""
    key = f"SKU#{move.sku}"
    update: dict[str, Any] = {"TableName": table_name, "Key": marshal({"pk": key})}
    sets: dict[str, str] = {}
    adds = [f"{move.target} :plus"]
    values: dict[str, Any] = {":plus": move.quantity}
    if move.source is None:
        others = [counter for counter in COUNTERS if counter not in (move.target, REPLENISHED)]
        sets["sku"] = ":sku"
        adds += [f"{REPLENISHED} :plus", *(f"{counter} :zero" for counter in others)]
        values |= {":sku": move.sku, ":zero": 0}
    else:
        adds.append(f"{move.source} :minus")
        values[":minus"] = -move.quantity
        update["ConditionExpression"] = f"{move.source} >= :plus"
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if AVAILABLE in (move.source, move.target):
        due = due_at(key, clock.now())
        sets |= {name: f"if_not_exists({name}, :{name})" for name in due}
        values |= {f":{name}": value for name, value in due.items()}
    expression = f"SET {', '.join(f'{name} = {value}' for name, value in sets.items())} " if sets else ""
    update["UpdateExpression"] = f"{expression}ADD {', '.join(adds)}"
    update["ExpressionAttributeValues"] = marshal(values)
    return {"Update": update}


def _shortage(move: Move, sku_row: Row | None) -> dict[str, Any]:
    """What was short; a SKU that is not known has nothing available."""
    assert move.source is not None
    return {"sku": move.sku, "requested": move.quantity, "available": sku_row[move.source] if sku_row else 0}
