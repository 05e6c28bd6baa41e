"""The journal's function: its queue's events become rows."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from journal.rows import put_of
from services.kernel import clients
from services.kernel.inbox import DeadLetters
from services.kernel.schemas import InvalidEvent
from services.kernel.settings import from_environment

logger = Logger()


@dataclass(frozen=True)
class Settings:
    """The journal's table, how long a row is kept (as long as the archive keeps its event), and what a subscriber is told."""

    table_name: str
    retention_days: int
    dead_letter_queue_url: str
    queue_url: str


@cache
def settings() -> Settings:
    """The settings this function was deployed with."""
    return from_environment(Settings)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The queue's batch, answered by a partial batch response: what cannot be journaled harms no neighbour."""
    failed = []
    dead_letters = DeadLetters(clients.sqs(), settings().dead_letter_queue_url, settings().queue_url)
    for record in event["Records"]:
        try:
            try:
                request = put_of(json.loads(record["body"]), settings().retention_days)
            except (KeyError, TypeError, ValueError):
                dead_letters.set_aside(record, InvalidEvent("message", "", "is not an EventBridge event"))
                continue
            clients.dynamodb().update_item(TableName=settings().table_name, **request)
        except (BotoCoreError, ClientError) as error:
            logger.error("not journaled", message_id=record["messageId"], error=type(error).__name__)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
