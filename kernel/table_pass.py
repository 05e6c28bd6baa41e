"""The pass over a table: each sweep reads one slice of it, so that the sweeps of a pass read every row once.

A pass finds what no index shows, because only what fails enters an index: events that the stream lost, and rows that are still
open though the process that opened them has ended.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NotRequired, Required, TypedDict, cast

from botocore.exceptions import BotoCoreError, ClientError

from kernel import clock
from kernel.aggregate_store import Item, make_due, marshal, unmarshal
from kernel.clients import AwsClient
from kernel.index_shards import ALL, Share
from kernel.logs import logger
from kernel.naming import OF_OPEN_ROWS, OF_OUTBOX

MAX_PAGES: Final = 100
"""The most pages, of up to 1 MB each, that a sweep reads of its slice of the table."""
FORGOTTEN: Final = "(pending_since <= :stale AND attribute_not_exists(pending_shard))"
LEFT_OPEN: Final = (
    "(begins_with(pk, :key) AND #status IN ({statuses}) AND updated_at <= :left AND attribute_not_exists(due_shard))"
)


@dataclass(frozen=True)
class Slice:
    """A part of a table's rows, by the hash of their keys: slice `number` (from 0) of `count` slices."""

    number: int
    count: int


WHOLE: Final = Slice(0, 1)


def slice_at(now: datetime, minutes: int, share: Share = ALL) -> Slice:
    """Return the share's slice of this minute, of a pass over the table that takes so many minutes."""
    return Slice(int(now.timestamp()) // 60 % minutes * share.count + share.number, minutes * share.count)


@dataclass(frozen=True)
class OpenRows:
    """The rows of an aggregate (`PAY`) in `statuses` that their own process should have left within `leaves_after`.

    A pass enters those that are still there into the index `due`, in the sweeper's `lane`.
    """

    aggregate: str
    statuses: frozenset[str]
    leaves_after: timedelta
    lane: str = ""


@dataclass(frozen=True)
class Found:
    """The keys of a slice's rows with events that the stream lost. `failure` ended the reading of the slice."""

    forgotten: list[str] = field(default_factory=list)
    failure: Exception | None = None


class PassedRow(TypedDict, total=False):
    """The attributes of a row that a pass reads. Times are in RFC 3339 (UTC)."""

    pk: Required[str]
    pending_since: str
    pending_shard: str
    status: str
    updated_at: str
    due_shard: str


class ScanPage(TypedDict):
    """The attributes of the rows that one page of a scan found."""

    Items: list[Item]
    LastEvaluatedKey: NotRequired[Item]


class ScanPages(TypedDict):
    """The parameters of a scan of one slice, page by page."""

    TableName: str
    Segment: int
    TotalSegments: int
    Select: str
    ProjectionExpression: str
    FilterExpression: str
    ExpressionAttributeValues: Item
    ExpressionAttributeNames: NotRequired[dict[str, str]]
    ExclusiveStartKey: NotRequired[Item]


def look_through(client: AwsClient, table_name: str, part: Slice, stale_before: datetime, opened: OpenRows | None) -> Found:
    """Read a slice: return the rows with events pending since `stale_before`, and make rows due that are left open.

    A row that cannot be made due harms no other; the next pass finds it again.
    """
    found, stale = Found(), clock.rfc3339(stale_before)
    left = clock.rfc3339(clock.now() - opened.leaves_after) if opened else stale
    pages = _scan(table_name, part, stale, left, opened)
    try:
        for _ in range(MAX_PAGES):
            page: ScanPage = client.scan(**pages)
            for row in (cast(PassedRow, unmarshal(item)) for item in page["Items"]):
                if opened and _is_left_open(row, opened, left):
                    _make_due(client, table_name, row, opened)
                if row.get("pending_since", "~") <= stale and "pending_shard" not in row:
                    found.forgotten.append(row["pk"])
            if "LastEvaluatedKey" not in page:
                return found
            pages["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    except (BotoCoreError, ClientError) as fault:  # the boundary of a way to find rows
        return Found(found.forgotten, fault)
    logger.error("slice not read to its end", table=table_name, slices=part.count)
    return found


def _scan(table_name: str, part: Slice, stale: str, left: str, opened: OpenRows | None) -> ScanPages:
    """Return the scan of a slice. Events pending since `stale` are found, and rows open since `left`, in RFC 3339 (UTC)."""
    pages: ScanPages = {
        "TableName": table_name,
        "Segment": part.number,
        "TotalSegments": part.count,
        "Select": "SPECIFIC_ATTRIBUTES",
        "ProjectionExpression": ", ".join(OF_OUTBOX),
        "FilterExpression": FORGOTTEN,
        "ExpressionAttributeValues": marshal({":stale": stale}),
    }
    if opened is None:
        return pages
    statuses = {f":status{number}": status for number, status in enumerate(sorted(opened.statuses))}
    values = {":key": f"{opened.aggregate}#", ":left": left, **statuses}
    return {
        **pages,
        "ProjectionExpression": ", ".join((*OF_OUTBOX, *OF_OPEN_ROWS)).replace("status", "#status"),
        "FilterExpression": f"{FORGOTTEN} OR {LEFT_OPEN.format(statuses=', '.join(statuses))}",
        "ExpressionAttributeValues": {**pages["ExpressionAttributeValues"], **marshal(values)},
        "ExpressionAttributeNames": {"#status": "status"},
    }


def _is_left_open(row: PassedRow, opened: OpenRows, left: str) -> bool:
    is_open = row["pk"].startswith(f"{opened.aggregate}#") and row.get("status") in opened.statuses
    return is_open and row["updated_at"] <= left and "due_shard" not in row


def _make_due(client: AwsClient, table_name: str, row: PassedRow, opened: OpenRows) -> None:
    """Enter a row into the index `due` since its latest step, unless it has moved meanwhile."""
    try:
        make_due(client, table_name, row["pk"], row["updated_at"], opened.lane)
    except (BotoCoreError, ClientError) as error:
        logger.warning("open row not made due", row=row["pk"], error=type(error).__name__)
