"""The row of the circuit breaker, which all instances of all functions share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from kernel import clock
from kernel.aggregate_store import marshal, unmarshal, update_if
from kernel.clients import AwsClient
from services.shipping.domain.breaker import BreakerRow

KEY: Final = "BREAKER#carrier"


@dataclass(frozen=True)
class BreakerStore:
    """The row in shipping's table. A carrier that answers costs one read a call, and no write."""

    client: AwsClient
    table_name: str

    def read(self) -> BreakerRow | None:
        """Return the row, read eventually consistently: a caller who is a moment behind makes one call more."""
        answer = self.client.get_item(TableName=self.table_name, Key=marshal({"pk": KEY}))
        return cast(BreakerRow, unmarshal(answer["Item"])) if "Item" in answer else None

    def claim_probe(self, seen: str, until: datetime) -> bool:
        """Pause the calls of all others until then, if the pause still ends at `seen`; return whether that was so."""
        return self._write("SET paused_until = :until", "paused_until = :seen", {":until": clock.rfc3339(until), ":seen": seen})

    def count_failure(self) -> int:
        """Count a failed call; return how many have failed in a row."""
        answer = self.client.update_item(
            TableName=self.table_name,
            Key=marshal({"pk": KEY}),
            UpdateExpression="ADD failures :one",
            ExpressionAttributeValues=marshal({":one": 1}),
            ReturnValues="ALL_NEW",
        )
        return int(unmarshal(answer["Attributes"])["failures"])

    def pause(self, until: datetime) -> bool:
        """Pause the calls; return whether they were not paused before."""
        values = {":until": clock.rfc3339(until), ":one": 1}
        return self._write("SET paused_until = :until, pauses = :one", "attribute_not_exists(paused_until)", values)

    def pause_again(self, until: datetime) -> None:
        """Pause the calls after a probe that failed."""
        self._write(
            "SET paused_until = :until ADD pauses :one",
            "attribute_exists(paused_until)",
            {":until": clock.rfc3339(until), ":one": 1},
        )

    def resume(self) -> None:
        """Let all callers call again, after a probe that succeeded."""
        self._write("SET failures = :none REMOVE paused_until, pauses", "attribute_exists(pk)", {":none": 0})

    def forget_failures(self) -> None:
        """Count from zero again, unless the calls are paused."""
        self._write("SET failures = :none", "attribute_not_exists(paused_until)", {":none": 0})

    def _write(self, expression: str, condition: str, values: dict[str, object]) -> bool:
        """Write the row under the condition; return whether it held."""
        return update_if(self.client, self.table_name, KEY, expression, condition, values)
