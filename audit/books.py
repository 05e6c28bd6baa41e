"""The books: all rows of a stage's tables, read side by side, as plain data."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from services.kernel.names import SERVICES
from services.kernel.rows import Row, unmarshal

LEDGER = "ledger"
"""The sandbox gateway's ledger, which is in the books beside the services' tables."""
TABLES = (*SERVICES, LEDGER)
PARAMETERS = {**{service: f"{service}/table-name" for service in SERVICES}, LEDGER: "payment/ledger-table-name"}
"""Where each table's name is published, below `/orderflow/<stage>/`."""


@dataclass(frozen=True)
class Books:
    """The rows of the five tables and of the ledger. `dead_letters`: how many messages a queue holds, None if unknown."""

    order: list[Row] = field(default_factory=list)
    payment: list[Row] = field(default_factory=list)
    inventory: list[Row] = field(default_factory=list)
    shipping: list[Row] = field(default_factory=list)
    notification: list[Row] = field(default_factory=list)
    ledger: list[Row] = field(default_factory=list)
    dead_letters: dict[str, int | None] = field(default_factory=dict)

    def table(self, name: str) -> list[Row]:
        """The rows of one of `TABLES`."""
        rows: list[Row] = getattr(self, name)
        return rows


def read_books(client: Any, table_names: Mapping[str, str], dead_letters: Mapping[str, int | None] | None = None) -> Books:
    """Scan the tables, named by `TABLES`, all at once and consistently. A consistent scan still is no snapshot:

    while orders move, rows of one order may be seen at different moments.
    """
    with ThreadPoolExecutor(len(TABLES)) as pool:
        scanned = pool.map(lambda name: list(_rows(client, table_names[name])), TABLES)
        return Books(**dict(zip(TABLES, scanned, strict=True)), dead_letters=dict(dead_letters or {}))


def _rows(client: Any, table_name: str) -> Iterator[Row]:
    for page in client.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True):
        for item in page["Items"]:
            yield unmarshal(item)
