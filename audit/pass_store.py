"""The auditor's own table: the state of its rolling pass, in one row."""

import zlib
from dataclasses import dataclass
from typing import Any

from audit.rolling_pass import PassState
from audit.tables import STATE_KEY
from kernel import clock
from kernel.aggregate_store import marshal
from kernel.clients import AwsClient
from kernel.logs import logger


@dataclass
class Kept:
    """A pass, the number of findings of the pass before it, and the version of the row: 0 if it is not written yet."""

    state: PassState
    found_before: int = 0
    version: int = 0


class PassStore:
    """The row of the pass. Its state is compressed JSON: a SKU takes some 20 bytes of the 400 KB that a row may have."""

    def __init__(self, client: AwsClient, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def load(self) -> Kept | None:
        """Return what was kept last, or None before the first pass. Of a state that cannot be read, a new pass begins."""
        found = self._client.get_item(TableName=self._table_name, Key=marshal({"pk": STATE_KEY}), ConsistentRead=True)
        if "Item" not in found:
            return None
        item: dict[str, Any] = found["Item"]
        try:
            state = PassState.of_json(zlib.decompress(bytes(item["state"]["B"])).decode())
        except (AttributeError, KeyError, TypeError, ValueError, zlib.error):  # another version of the code wrote it
            logger.warning("state of the audit not read, so a new pass begins", exc_info=True)
            state = PassState(clock.rfc3339(clock.now()))
        return Kept(state, int(item["found_before"]["N"]), int(item["version"]["N"]))

    def save(self, kept: Kept) -> None:
        """Keep the pass. Raises botocore's ClientError if another run has kept a newer one."""
        kept.version += 1
        row = {"pk": STATE_KEY, "found_before": kept.found_before, "version": kept.version}
        state = {"B": zlib.compress(kept.state.as_json().encode())}
        self._client.put_item(
            TableName=self._table_name,
            Item={**marshal(row), "state": state},
            ConditionExpression="attribute_not_exists(pk) OR version < :version",
            ExpressionAttributeValues=marshal({":version": kept.version}),
        )
