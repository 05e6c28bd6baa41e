"""The inventory's table: reservations, replenishments, and the counters of each SKU that move with them."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from services.inventory import states
from services.inventory.decisions import Step
from services.inventory.stock import COUNTERS, REPLENISHED, Move, Shortages
from services.kernel import clients
from services.kernel.rows import Cause, Contended, Row, Rows, marshal, unmarshal
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


class Skus:
    """The rows `SKU#<sku>`: `sku` and the counters `available`, `held`, `sold`, `replenished`."""

    def __init__(self, client: Any, table_name: str) -> None:
        self.client = client
        self.table_name = table_name

    def get(self, sku: str) -> Row | None:
        """The SKU's name and counters as they durably are, or None if it was never replenished."""
        answer = self.client.get_item(TableName=self.table_name, Key=marshal({"pk": f"SKU#{sku}"}), ConsistentRead=True)
        if "Item" not in answer:
            return None
        row = unmarshal(answer["Item"])
        return {"sku": sku, **{counter: row[counter] for counter in COUNTERS}}


@cache
def reservations() -> StockRows:
    """The reservations of the table this function was deployed with."""
    return StockRows(clients.dynamodb(), os.environ["TABLE_NAME"], states.TRANSITIONS)


@cache
def replenishments() -> StockRows:
    """The replenishments in the same table."""
    return StockRows(clients.dynamodb(), os.environ["TABLE_NAME"], states.REPLENISHMENTS)


@cache
def skus() -> Skus:
    """The SKUs in the same table."""
    return Skus(clients.dynamodb(), os.environ["TABLE_NAME"])


def _counters(table_name: str, move: Move) -> Action:
    """The move as a transaction's Update of the SKU's row, which the first replenishment makes with all its counters."""
    update: dict[str, Any] = {"TableName": table_name, "Key": marshal({"pk": f"SKU#{move.sku}"})}
    if move.source is None:
        others = [counter for counter in COUNTERS if counter not in (move.target, REPLENISHED)]
        update |= {
            "UpdateExpression": "SET sku = :sku ADD "
            + ", ".join([f"{move.target} :plus", f"{REPLENISHED} :plus", *(f"{counter} :zero" for counter in others)]),
            "ExpressionAttributeValues": marshal({":sku": move.sku, ":plus": move.quantity, ":zero": 0}),
        }
    else:
        update |= {
            "UpdateExpression": f"ADD {move.source} :minus, {move.target} :plus",
            "ConditionExpression": f"{move.source} >= :plus",
            "ExpressionAttributeValues": marshal({":minus": -move.quantity, ":plus": move.quantity}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    return {"Update": update}


def _shortage(move: Move, sku_row: Row | None) -> dict[str, Any]:
    """What was short; a SKU that is not known has nothing available."""
    assert move.source is not None
    return {"sku": move.sku, "requested": move.quantity, "available": sku_row[move.source] if sku_row else 0}
