"""The journal's function: it writes a row for each event of its queue."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from journal.items import NotJournaledError, item_of
from kernel import clients, outside_json
from kernel.inbox import DeadLetters
from kernel.outside_json import OutsideJsonError
from kernel.schemas import InvalidEventError
from kernel.settings import from_environment

logger = Logger()
MAX_ITEMS = 25
"""The most items of one BatchWriteItem."""


@dataclass(frozen=True)
class Settings:
    """The journal's table, the days that a row is kept (as the archive keeps its event), and the URLs of the queues."""

    table_name: str
    retention_days: int
    dead_letter_queue_url: str
    queue_url: str


@cache
def settings() -> Settings:
    """Return the settings that this function was deployed with."""
    return from_environment(Settings)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Journal the queue's batch. Return a partial batch response, so that one bad message never blocks the others."""
    dead_letters = DeadLetters(clients.sqs(), settings().dead_letter_queue_url, settings().queue_url)
    rows: dict[str, dict[str, Any]] = {}
    carriers: defaultdict[str, list[str]] = defaultdict(list)
    for record in event["Records"]:
        try:
            item = item_of(outside_json.read_object(record["body"]), settings().retention_days)
        except OutsideJsonError as error:
            dead_letters.quarantine(record, InvalidEventError("message", error.where, error.reason))
            continue
        except NotJournaledError as error:
            dead_letters.quarantine(record, InvalidEventError("message", "", str(error)))
            continue
        rows[item["sk"]["S"]] = item
        carriers[item["sk"]["S"]].append(record["messageId"])
    failed = [sort_key for part in _parts(list(rows)) for sort_key in write({key: rows[key] for key in part})]
    return {"batchItemFailures": [{"itemIdentifier": message} for key in sorted(failed) for message in carriers[key]]}


def write(rows: dict[str, dict[str, object]]) -> set[str]:
    """Write at most 25 rows, given by sort key, in one call. Return the sort keys of the rows that were not written."""
    table, client = settings().table_name, clients.dynamodb()
    try:
        requests = [{"PutRequest": {"Item": item}} for item in rows.values()]
        left = client.batch_write_item(RequestItems={table: requests}).get("UnprocessedItems", {}).get(table, [])
        return {request["PutRequest"]["Item"]["sk"]["S"] for request in left}
    except (BotoCoreError, ClientError) as error:
        if len(rows) == 1:
            logger.error("not journaled", row=next(iter(rows)), error=type(error).__name__)
            return set(rows)
    # One bad row fails the whole call, so write each row by itself.
    return {failed for key, item in rows.items() for failed in write({key: item})}


def _parts(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), MAX_ITEMS):
        yield keys[start : start + MAX_ITEMS]
