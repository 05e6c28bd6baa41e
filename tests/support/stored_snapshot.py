"""A simulated DynamoDB with given rows, whose client counts the read units as DynamoDB bills them."""

from typing import Any, Final

from audit.rows import StageRows
from audit.snapshot import Snapshot
from audit.tables import LEDGER, TABLES
from kernel.aggregate_store import marshal
from simulation.engine.capacity import read_units
from simulation.engine.dynamodb import DynamoDB
from tests.support.audited_stage import Client

MOST_OF_A_PAGE: Final = 1000


class CountingClient(Client):
    """The client of a simulated DynamoDB that states the read units of each answer."""

    def scan(self, **request: Any) -> Any:
        """Return a page, and the units of all rows that it reads, whatever its filter returns."""
        page: dict[str, Any] = {"Limit": MOST_OF_A_PAGE, **request}
        unfiltered: dict[str, Any] = {name: page[name] for name in ("TableName", "Limit", "ExclusiveStartKey") if name in page}
        read = self.tables.call("Scan", unfiltered)
        return self.tables.call("Scan", page) | {"ConsumedCapacity": {"CapacityUnits": read_units("Scan", request, read)}}

    def query(self, **request: Any) -> Any:
        """Return the rows and their units."""
        return self._with_units("Query", request)

    def batch_get_item(self, **request: Any) -> Any:
        """Return the rows and their units."""
        return self._with_units("BatchGetItem", request)

    def _with_units(self, operation: str, request: dict[str, Any]) -> Any:
        answer = self.tables.call(operation, request)
        consumed = {"CapacityUnits": read_units(operation, request, answer)}
        return answer | {"ConsumedCapacity": [consumed] if operation == "BatchGetItem" else consumed}


def stored(snapshot: Snapshot) -> CountingClient:
    """Return a client of tables with the rows of the snapshot. Raises ValueError if DynamoDB cannot hold the rows."""
    tables = DynamoDB()
    for name in TABLES:
        table = tables.create(name, range_key="sk" if name == LEDGER else None)
        for row in snapshot.table(name):
            names = ("pk", "sk") if name == LEDGER else ("pk",)
            if not isinstance(row, dict) or not all(isinstance(row.get(part), str) and row[part] for part in names):
                raise ValueError("a row has no key")
            item: Any = marshal(row)
            if table.key_of(item) in table.rows:
                raise ValueError("two rows have one key")
            table.store(table.key_of(item), item)
    return CountingClient(tables)


def rows_of(client: Any) -> StageRows:
    """Return the rows of the tables of `stored`."""
    return StageRows(client, {table: table for table in TABLES})
