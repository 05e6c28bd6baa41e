"""The trail of operators in memory: what the functions of a stage are asked to log."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kernel.commands import read
from services.order.functions.operator import RecordAct

OPERATOR: Final = "arn:aws:sts::123456789012:assumed-role/operator/alice@example.com"
ACTOR: Final = "role/operator/alice"
"""The operator, as the trail names them."""
ANSWERS: Final[Mapping[str, Mapping[str, object]]] = {
    "retry_refund": {"outcome": "REFUNDED"},
    "settle_refund": {"outcome": "REFUND_SETTLED", "reference": "T-1"},
    "split": {"outcome": "SPREAD", "shards": 2},
    "watch": {"outcome": "ENOUGH", "threshold": 1},
}
"""The answers of functions that a command shows, by the function's command."""


@dataclass
class Trail:
    """Lambda and STS, as far as operators act: it keeps each command with an actor. `error` lets each invocation fail."""

    commands: list[dict[str, object]] = field(default_factory=list)
    error: Exception | None = None

    def get_caller_identity(self) -> dict[str, str]:
        """Return the operator's credentials."""
        return {"Arn": OPERATOR}

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, io.BytesIO]:  # noqa: N803
        """Keep the command, and answer it. The order's function refuses an act that it cannot log."""
        if self.error is not None:
            raise self.error
        command = json.loads(Payload)
        if "actor" in command:
            self.commands.append(command)
        if command.get("command") == "record_act":
            read(RecordAct, command)
        answer = ANSWERS.get(command.get("command"), {"outcome": "DONE"})
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    @property
    def acts(self) -> list[tuple[object, ...]]:
        """Each act with its actor, its reason and its orders."""
        return [(one.get("act", one["command"]), one["actor"], one.get("reason", ""), *_orders(one)) for one in self.commands]


def _orders(command: Mapping[str, object]) -> list[object]:
    named = command.get("order_ids", [command["order_id"]] if "order_id" in command else [])
    assert isinstance(named, list)
    return named
