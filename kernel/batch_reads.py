"""Batch reads of DynamoDB: up to 100 items of one table, consistently, and again what throttling left unread."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Final

from kernel.aggregate_store import Item, Row, unmarshal
from kernel.clients import AwsClient
from kernel.errors import RetryableError

FIRST_PAUSE: Final = 0.05
"""In seconds, with full jitter and twice as long after each try."""


class UnreadRowsError(RetryableError):
    """DynamoDB left rows unread (throttling)."""


def read_rows(
    client: AwsClient,
    table_name: str,
    keys: Sequence[Item],
    tries: int,
    what: str,
    pause: Callable[[float], None] = time.sleep,
) -> list[Row]:
    """Return the existing rows at these keys. `what` names them in an error.

    Raises UnreadRowsError if some are still unread after so many tries.
    """
    found: list[Row] = []
    for attempt in range(tries):
        answer = client.batch_get_item(RequestItems={table_name: {"Keys": keys, "ConsistentRead": True}})
        found += map(unmarshal, answer["Responses"].get(table_name, ()))
        keys = answer.get("UnprocessedKeys", {}).get(table_name, {}).get("Keys", [])
        if not keys:
            return found
        pause(random.uniform(0, FIRST_PAUSE * 2**attempt))  # nosec B311 - it spreads retries
    raise UnreadRowsError(f"{len(keys)} {what} stayed unread after {tries} tries")
