"""The journal's function: its queue's events become rows."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from journal.rows import put_of
from services.kernel import clients
from services.kernel.settings import from_environment

logger = Logger()


@dataclass(frozen=True)
class Settings:
    """The journal's table, and for how long a row is kept: as long as the archive keeps its event."""

    table_name: str
    retention_days: int


@cache
def settings() -> Settings:
    """The settings this function was deployed with."""
    return from_environment(Settings)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """The queue's batch, answered by a partial batch response: what cannot be journaled harms no neighbour."""
    failed = []
    for record in event["Records"]:
        try:
            request = put_of(json.loads(record["body"]), settings().retention_days)
            clients.dynamodb().update_item(TableName=settings().table_name, **request)
        except (BotoCoreError, ClientError, KeyError, TypeError, ValueError) as error:
            logger.error("not journaled", message_id=record["messageId"], error=type(error).__name__)
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
