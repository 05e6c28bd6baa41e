"""The journal's function: it writes a row for each event of its queue."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from journal.items import JournalItem, NotJournaledError, item_of
from kernel import outside_json
from kernel.batches import BatchResponse, SqsEvent, SqsRecord
from kernel.clients import AwsClient, Clients
from kernel.handler import Handler, lambda_handler
from kernel.inbox import DeadLetters
from kernel.outside_json import OutsideJsonError
from kernel.schemas import InvalidEventError
from kernel.settings import from_environment

logger = Logger()
MAX_ITEMS: Final = 25
"""The most items of one BatchWriteItem."""


@dataclass(frozen=True)
class JournalSettings:
    """The journal's table, the days that a row is kept (as the archive keeps its event), and the URLs of the queues."""

    table_name: str
    retention_days: int
    dead_letter_queue_url: str
    queue_url: str


@dataclass(frozen=True)
class Journal:
    """The journal's table. `client` is DynamoDB's."""

    client: AwsClient
    table_name: str
    retention_days: int
    dead_letters: DeadLetters

    def record(self, records: Sequence[SqsRecord]) -> BatchResponse:
        """Write a row for each SQS record. Return a partial batch response, so that one bad message never blocks the others."""
        items: dict[str, JournalItem] = {}
        messages: defaultdict[str, list[str]] = defaultdict(list)
        undone: list[str] = []
        for record in records:
            try:
                item = self._item(record)
            except Exception:  # the boundary of a message: whatever it was, only this one is delivered again
                logger.exception("message failed", message_id=record["messageId"])
                undone.append(record["messageId"])
                continue
            if item is not None:
                items[item["sk"]["S"]] = item
                messages[item["sk"]["S"]].append(record["messageId"])
        failed = {sort_key for part in _parts(list(items.values())) for sort_key in self.write(part)}
        undone += [message for key in sorted(failed) for message in messages[key]]
        return {"batchItemFailures": [{"itemIdentifier": message} for message in undone]}

    def _item(self, record: SqsRecord) -> JournalItem | None:
        """Return the row of a message, or None if it is set aside because no row can hold it. Raises what SQS raises."""
        try:
            return item_of(outside_json.read_object(record["body"]), self.retention_days)
        except OutsideJsonError as error:
            self.dead_letters.quarantine(record, InvalidEventError("message", error.where, error.reason))
        except NotJournaledError as error:
            self.dead_letters.quarantine(record, InvalidEventError("message", "", str(error)))
        return None

    def write(self, items: Sequence[JournalItem]) -> set[str]:
        """Write at most 25 items, each with a sort key of its own, in one call. Return the sort keys that were not written."""
        try:
            requests = [{"PutRequest": {"Item": item}} for item in items]
            answer = self.client.batch_write_item(RequestItems={self.table_name: requests})
            left = answer.get("UnprocessedItems", {}).get(self.table_name, [])
            return {request["PutRequest"]["Item"]["sk"]["S"] for request in left}
        except (BotoCoreError, ClientError) as error:
            if len(items) == 1:
                sort_key = items[0]["sk"]["S"]
                logger.error("not journaled", row=sort_key, error=type(error).__name__)
                return {sort_key}
        # One bad item fails the whole call, so write each item by itself.
        return {failed for item in items for failed in self.write([item])}


def _parts(items: list[JournalItem]) -> Iterator[list[JournalItem]]:
    for start in range(0, len(items), MAX_ITEMS):
        yield items[start : start + MAX_ITEMS]


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the journal's queue."""
    settings = from_environment(JournalSettings, environ)
    dead_letters = DeadLetters(clients.sqs, settings.dead_letter_queue_url, settings.queue_url)
    journal = Journal(clients.dynamodb, settings.table_name, settings.retention_days, dead_letters)

    def handle(event: SqsEvent, context: object) -> BatchResponse:
        return journal.record(event["Records"])

    return handle


handler = lambda_handler(bootstrap)
