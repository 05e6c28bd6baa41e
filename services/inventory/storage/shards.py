"""The shards of split SKUs, `SHARD#<sku>#<number>`: rows of counters beside the SKU's own row, which is shard 0."""

import time
from collections.abc import Callable, Mapping
from typing import cast

from kernel import clock
from kernel.aggregate_store import due_at, marshal, unmarshal, update_if
from kernel.clients import AwsClient
from kernel.transactions import transact
from services.inventory.domain.model import ShardRow, SkuRow
from services.inventory.domain.stock import AVAILABLE, COUNTERS, HELD, REPLENISHED, SOLD, row_of
from services.inventory.storage.skus import Update, given_up, key_of, taken_over, update_action


class Shards:
    """The shards, and the attributes of a SKU's own row that say whether it is split."""

    def __init__(self, client: AwsClient, table_name: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self.client = client
        self.table_name = table_name
        self.pause = pause

    def get(self, sku: str, shard: int) -> ShardRow | None:
        """Return the row of a shard from 1 on, read consistently, or None if there is none."""
        key = marshal({"pk": key_of(row_of(sku, shard))})
        answer = self.client.get_item(TableName=self.table_name, Key=key, ConsistentRead=True)
        return cast(ShardRow, unmarshal(answer["Item"])) if "Item" in answer else None

    def split(self, sku: str, rows: int, share: int) -> bool:
        """Give a SKU `rows` shards and move `share` units into each, in one transaction.

        Return False if orders wait for the SKU, if it is split or merging already, or if fewer units are available.
        """
        given = share * rows
        own = Update(sku, due=False)
        own.adds += [f"{AVAILABLE} :minus", f"{REPLENISHED} :minus"]
        own.sets |= {"shards": ":rows", "splits": "if_not_exists(splits, :none) + :one"}
        own.conditions += [
            f"{AVAILABLE} >= :given",
            "attribute_not_exists(shards) AND attribute_not_exists(merging)",
            "(attribute_not_exists(waited_for) OR waited_for = :none)",
        ]
        own.values |= {":minus": -given, ":given": given, ":rows": rows, ":none": 0, ":one": 1}
        actions = [update_action(self.table_name, sku, own)]
        for shard in range(1, rows + 1):
            other = Update(sku, due=False)
            other.begin(sku, (HELD, SOLD))
            other.sets["shard_number"] = ":shard"
            other.adds += [f"{AVAILABLE} :plus", f"{REPLENISHED} :plus"]
            other.values |= {":shard": shard, ":plus": share}
            actions.append(update_action(self.table_name, row_of(sku, shard), other))
        return not transact(self.client, actions, pause=self.pause)

    def begin_merge(self, sku: str, seen: SkuRow) -> bool:
        """Write that a merge goes on, and let a sweeper find it. Return False if the SKU is not split as it was seen."""
        due = due_at(f"SKU#{sku}", clock.now())
        return self._change(
            sku,
            f"SET merging = :rows, {', '.join(f'{name} = if_not_exists({name}, :{name})' for name in due)} REMOVE shards",
            "shards = :rows AND splits = :splits",
            {
                ":rows": seen["shards"],
                ":splits": seen["splits"],
                **{f":{name}": value for name, value in due.items()},
            },
        )

    def empty(self, sku: str, shard: int) -> None:
        """Move the available units of a shard into the SKU's own row. Orders may take some meanwhile, and none come in."""
        while (row := self.get(sku, shard)) and (units := row["available"]):
            left = update_action(self.table_name, row_of(sku, shard), given_up(sku, units, AVAILABLE))
            arrived = update_action(self.table_name, sku, taken_over(sku, units))
            if not transact(self.client, [left, arrived], pause=self.pause):
                return

    def end_merge(self, sku: str, splits: int) -> bool:
        """Write that no merge goes on. Return False if the merge of this generation has ended already."""
        return self._change(sku, "REMOVE merging", "attribute_exists(merging) AND splits = :splits", {":splits": splits})

    def _change(self, sku: str, update: str, condition: str, values: Mapping[str, object]) -> bool:
        return update_if(self.client, self.table_name, key_of(sku), update, condition, values)

    def total(self, seen: SkuRow) -> dict[str, int]:
        """Return the sums of the counters over the SKU's own row, as it was seen, and all shards that it ever had."""
        shards: list[ShardRow] = []
        while (row := self.get(seen["sku"], len(shards) + 1)) is not None:  # a split writes shards from 1 on
            shards.append(row)
        return {counter: seen[counter] + sum(row[counter] for row in shards) for counter in COUNTERS}  # type: ignore[literal-required]
