"""A simulated DynamoDB with given rows, whose client counts the read units as DynamoDB bills them."""

from collections.abc import Mapping
from typing import Final, cast

from audit.rows import StageRows
from audit.snapshot import Snapshot
from audit.tables import LEDGER, TABLES
from kernel.aggregate_store import marshal
from kernel.clients import AwsClient
from simulation.engine.api import Request, Response
from simulation.engine.capacity import read_units
from simulation.engine.dynamodb import DynamoDB
from simulation.engine.expressions import AttributeValue
from tests.support.audited_stage import Client

MOST_OF_A_PAGE: Final = 1000


class CountingClient(Client):
    """The client of a simulated DynamoDB that states the read units of each answer."""

    def scan(self, **request: object) -> Response:
        """Return a page, and the units of all rows that it reads, whatever its filter returns."""
        page: dict[str, object] = {"Limit": MOST_OF_A_PAGE, **request}
        unfiltered: Request = {name: page[name] for name in ("TableName", "Limit", "ExclusiveStartKey") if name in page}
        return with_units("Scan", request, self.tables.call("Scan", page), read=self.tables.call("Scan", unfiltered))

    def query(self, **request: object) -> Response:
        """Return the rows and their units."""
        return with_units("Query", request, self.tables.call("Query", request))

    def batch_get_item(self, **request: object) -> Response:
        """Return the rows and their units."""
        return with_units("BatchGetItem", request, self.tables.call("BatchGetItem", request))


def with_units(operation: str, request: Request, answer: Mapping[str, object], read: Response | None = None) -> Response:
    """Return the answer with the units that DynamoDB would state for what was `read`: by default, the answer itself."""
    consumed = {"CapacityUnits": read_units(operation, request, read or answer)}
    return {**answer, "ConsumedCapacity": [consumed] if operation == "BatchGetItem" else consumed}


def stored(snapshot: Snapshot) -> CountingClient:
    """Return a client of tables with the rows of the snapshot. Raises ValueError if DynamoDB cannot hold the rows."""
    tables = DynamoDB()
    for name in TABLES:
        table = tables.create(name, range_key="sk" if name == LEDGER else None)
        for row in snapshot.table(name):
            names = ("pk", "sk") if name == LEDGER else ("pk",)
            if not isinstance(row, dict) or not all(isinstance(row.get(part), str) and row.get(part) for part in names):
                raise ValueError("a row has no key")
            item = cast(dict[str, AttributeValue], marshal(row))
            if table.key_of(item) in table.rows:
                raise ValueError("two rows have one key")
            table.store(table.key_of(item), item)
    return CountingClient(tables)


def rows_of(client: AwsClient) -> StageRows:
    """Return the rows of the tables of `stored`."""
    return StageRows(client, {table: table for table in TABLES})
