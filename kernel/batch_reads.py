"""Batch reads of DynamoDB: up to 100 items of one table, consistently, and again what throttling left unread."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from kernel.aggregate_store import Item, Row, marshal, unmarshal
from kernel.clients import AwsClient
from kernel.errors import RetryableError

FIRST_PAUSE: Final = 0.05
"""In seconds, with full jitter and twice as long after each try."""


MOST_KEYS: Final = 100
"""How many items BatchGetItem reads at most (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html)."""


class UnreadRowsError(RetryableError):
    """DynamoDB left rows unread (throttling)."""


class ReadOnce:
    """Rows of one table, read consistently by their keys, and each at most once. `what` names them in an error."""

    def __init__(self, client: AwsClient, table_name: str, tries: int, what: str) -> None:
        self.client, self.table_name, self.tries, self.what = client, table_name, tries, what
        self._rows: dict[str, Row | None] = {}

    def read(self, keys: Iterable[str]) -> None:
        """Read those of the rows that were not read yet, in one request for each MOST_KEYS. Raises UnreadRowsError."""
        unread = [key for key in dict.fromkeys(keys) if key not in self._rows]
        for begin in range(0, len(unread), MOST_KEYS):
            batch = unread[begin : begin + MOST_KEYS]
            wanted = [marshal({"pk": key}) for key in batch]
            found = read_rows(self.client, self.table_name, wanted, self.tries, self.what)
            self._rows |= {**dict.fromkeys(batch), **{row["pk"]: row for row in found}}

    def get(self, key: str) -> Row | None:
        """Return the row at this key, or None if there is none. Raises UnreadRowsError."""
        self.read([key])
        return self._rows[key]


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
