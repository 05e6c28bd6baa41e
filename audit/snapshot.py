"""A snapshot: all rows of a stage's tables, as plain data."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from audit.row_forms import StoredRow
from audit.rows import all_of
from audit.tables import TABLES
from kernel import clock
from kernel.aggregate_store import marshal
from kernel.clients import AwsClient

SKEW: Final = timedelta(seconds=2)
"""The most that the clocks of two machines may differ."""


@dataclass(frozen=True)
class Snapshot:
    """The rows of the five tables and of the ledger. `dead_letters`: the number of messages in each queue, None if unknown.

    The scans read rows of one order at different moments. `began` is the moment before the first scan. `moved_since` holds the
    inventory's rows that changed between `began` and the end of the reading. All rows that did not change since `began` were
    true at that moment. (Other rows have `updated_at`; only a SKU's counters change without it.)
    """

    order: list[StoredRow] = field(default_factory=list)
    payment: list[StoredRow] = field(default_factory=list)
    inventory: list[StoredRow] = field(default_factory=list)
    shipping: list[StoredRow] = field(default_factory=list)
    notification: list[StoredRow] = field(default_factory=list)
    ledger: list[StoredRow] = field(default_factory=list)
    dead_letters: dict[str, int | None] = field(default_factory=dict)
    began: str = "9999"
    moved_since: list[StoredRow] = field(default_factory=list)

    def table(self, name: str) -> list[StoredRow]:
        """Return the rows of one of `TABLES`."""
        rows: list[StoredRow] = getattr(self, name)
        return rows


def read_snapshot(
    client: AwsClient, table_names: Mapping[str, str], dead_letters: Mapping[str, int | None] | None = None
) -> Snapshot:
    """Scan the tables, named by `TABLES`, in parallel and consistently."""
    began = clock.rfc3339(clock.now() - SKEW)
    with ThreadPoolExecutor(len(TABLES)) as pool:
        scanned = list(pool.map(lambda name: list(all_of(client, table_names[name])), TABLES))
    moved = {"FilterExpression": "updated_at >= :began", "ExpressionAttributeValues": marshal({":began": began})}
    return Snapshot(
        **dict(zip(TABLES, scanned, strict=True)),
        dead_letters=dict(dead_letters or {}),
        began=began,
        moved_since=list(all_of(client, table_names["inventory"], **moved)),
    )
