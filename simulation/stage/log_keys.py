"""The keys that the log lines of simulated worlds lack, by their messages."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Final

from simulation.stage.measures import Faults, world_of

EXPECTED: Final = frozenset(
    {"order_id", "correlation_id", "causation_id", "event_id", "attempt", "function_version", "trace_id"}
)
"""The keys that each line has, if they have a meaning there (docs/reference/logs.md)."""
Lacking = dict[str, Counter[str]]
"""How many lines lack each key, by their message."""


def lacking(seed: str, worlds: Iterable[int]) -> Lacking:
    """Run worlds with faults; return the keys that their lines lack. A message that lacks none has an empty count."""
    found: Lacking = {}

    def read(text: str) -> None:
        for line in text.splitlines():
            content = json.loads(line) if line.startswith('{"level"') else {}
            if "message" in content:
                found.setdefault(content["message"], Counter()).update(EXPECTED - content.keys())

    for number in worlds:
        with world_of(seed, number, read, Faults.ALL):
            pass
    return found
