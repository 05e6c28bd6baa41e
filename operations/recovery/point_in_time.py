"""All tables of a stage as they were at one moment: copies beside them, and the way back into the tables themselves.

DynamoDB restores a table to any second of the last 35 days, always into a new one
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery.Tutorial.html). The stacks, streams and
policies name the present tables, so the rows go back into these.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from kernel.aggregate_store import AttributeValue
from operations.aws import stage_state
from operations.aws.service_client import in_parts
from operations.aws.target import Target
from operations.errors import UserError
from operations.plural import counted
from operations.polling import wait_for
from operations.progress import Progress

IN_A_WRITE: Final = 25
"""The requests that BatchWriteItem takes."""
RESTORE_HOURS: Final = 12
"""DynamoDB takes minutes for most tables, and hours for large ones."""
REFUSED: Final = {
    "InvalidRestoreTimeException": "Choose a moment of the last 35 days, after the table was made and at least 5 minutes ago.",
    "PointInTimeRecoveryUnavailableException": "Deploy the service of the table: its template turns the recovery on.",
}
"""DynamoDB's refusals of a restore, each with the next step."""
FIRST_BACK_OFF_SECONDS: Final = 0.1
ATTEMPTS: Final = 8

Item = Mapping[str, AttributeValue]
Key = tuple[tuple[str, str], ...]
"""The key of a row: the name and the text of each of its attributes."""
Rows = Mapping[Key, Item]


@dataclass(frozen=True)
class Difference:
    """How many rows of a table are not as in its copy: `added` and `changed` since the moment, and `missing` from the table."""

    table: str
    added: int
    changed: int
    missing: int

    @property
    def rows(self) -> int:
        """The number of rows that differ."""
        return self.added + self.changed + self.missing


@dataclass(frozen=True)
class Compared:
    """The rows of a table as they are `now` and as they were `then`, and the keys of those that differ."""

    now: Rows
    then: Rows

    @property
    def added(self) -> set[Key]:
        """The keys of the rows since the moment."""
        return self.now.keys() - self.then.keys()

    @property
    def changed(self) -> set[Key]:
        """The keys of the rows with another content."""
        return {key for key in self.now.keys() & self.then.keys() if self.now[key] != self.then[key]}

    @property
    def missing(self) -> set[Key]:
        """The keys of the rows that the table no longer has."""
        return self.then.keys() - self.now.keys()

    def difference(self, table: str) -> Difference:
        """Return how many rows differ."""
        return Difference(table, len(self.added), len(self.changed), len(self.missing))

    def requests(self) -> Iterator[dict[str, Any]]:
        """Yield the requests of BatchWriteItem that make the table equal to its copy."""
        for key in sorted(self.added):
            yield {"DeleteRequest": {"Key": {name: {"S": text} for name, text in key}}}
        for key in sorted(self.missing | self.changed):
            yield {"PutRequest": {"Item": self.then[key]}}


def copy_name(table: str, moment: datetime) -> str:
    """Return the name of a table's copy: `at-20261129T200000Z-<table>`. No stack takes it for a table of its own."""
    return f"at-{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}-{table}"


def restore(target: Target, moment: datetime, progress: Progress) -> list[str]:
    """Restore each table as it was at the moment into its copy, and wait for all. Return the names of the copies.

    A copy that exists is left alone, so you can run this again. Raises UserError if a table cannot be restored to that moment,
    and if a copy is not ready in time.
    """
    client, tables = target.client("dynamodb"), _tables(target)
    for table in tables:
        try:
            client.restore_table_to_point_in_time(
                SourceTableName=table, TargetTableName=copy_name(table, moment), RestoreDateTime=moment
            )
        except ClientError as error:
            answer = error.response["Error"]
            if answer["Code"] in REFUSED:
                fault = f"DynamoDB cannot restore {table} to {moment:%Y-%m-%dT%H:%M:%SZ}: {answer['Message']}"
                raise UserError(fault, REFUSED[answer["Code"]]) from error
            if answer["Code"] != "TableAlreadyExistsException":
                raise
    copies = [copy_name(table, moment) for table in tables]
    with progress.step(f"Restore {counted(len(copies), 'table')}"):
        left = wait_for(
            lambda: [copy for copy in copies if _status(target, copy) != "ACTIVE"],
            lambda waiting: not waiting,
            timedelta(hours=RESTORE_HOURS).total_seconds(),
            target.clock,
            every_seconds=5,
        )
    if left:
        raise UserError(f"{', '.join(left)} is not ready yet.", "Run the same command again to go on waiting.")
    return copies


def compare(target: Target, moment: datetime) -> list[Difference]:
    """Return, for each table, how it differs from its copy. Changes nothing. Raises UserError if a copy is missing."""
    tables = _tables(target)
    with ThreadPoolExecutor(len(tables)) as pool:
        return list(pool.map(lambda table: _compared(target, table, moment).difference(table), tables))


def put_back(target: Target, moment: datetime, progress: Progress) -> list[Difference]:
    """Make each table equal to its copy, and return how it differed. Only rows that differ are written.

    Stop the stage's functions first: a row that they write meanwhile is lost, or stays. Run `compare` afterwards.
    """
    tables = _tables(target)
    for table in tables:
        _rows(target, copy_name(table, moment), limit=1)
    found = []
    with progress.bar("Put rows back", len(tables)) as done:
        for number, table in enumerate(tables, 1):
            compared = _compared(target, table, moment)
            for part in in_parts(compared.requests(), IN_A_WRITE):
                _write(target, table, list(part))
            found.append(compared.difference(table))
            done(number)
    return found


def drop(target: Target, moment: datetime) -> list[str]:
    """Delete the copies of that moment. Return the names of those that there were."""
    there = [copy for table in _tables(target) if _status(target, copy := copy_name(table, moment))]
    for copy in there:
        target.client("dynamodb").delete_table(TableName=copy)
    return there


def _tables(target: Target) -> list[str]:
    return [target.parameter(parameter) for parameter in stage_state.tables(target)]


def _status(target: Target, table: str) -> str | None:
    """Return the status of a table; None if there is no such table."""
    client = target.client("dynamodb")
    try:
        return str(client.describe_table(TableName=table)["Table"]["TableStatus"])
    except client.exceptions.ResourceNotFoundException:
        return None


def _rows(target: Target, table: str, limit: int | None = None) -> Rows:
    """Return all rows of a table by their keys, or at most `limit`. Raises UserError if there is no such table."""
    client = target.client("dynamodb")
    try:
        names = [part["AttributeName"] for part in client.describe_table(TableName=table)["Table"]["KeySchema"]]
    except client.exceptions.ResourceNotFoundException:
        raise UserError(f"There is no table {table}.", "Restore it first: `orderctl tables restore MOMENT`.") from None
    config = {"MaxItems": limit} if limit else {}
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True, PaginationConfig=config)
    return {tuple((name, row[name]["S"]) for name in names): row for page in pages for row in page["Items"]}


def _compared(target: Target, table: str, moment: datetime) -> Compared:
    return Compared(_rows(target, table), _rows(target, copy_name(table, moment)))


def _write(target: Target, table: str, requests: list[dict[str, Any]]) -> None:
    """Write a batch, and repeat what DynamoDB leaves out. Raises UserError if it still leaves something out in the end."""
    left: dict[str, Any] = {table: requests}
    for attempt in range(ATTEMPTS):
        left = target.client("dynamodb").batch_write_item(RequestItems=left).get("UnprocessedItems", {})
        if not left:
            return
        target.clock.sleep(FIRST_BACK_OFF_SECONDS * 2**attempt)
    raise UserError(f"DynamoDB throttles the writes to {table}.", "Run the same command again: it goes on.")
