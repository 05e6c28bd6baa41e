"""A second opinion on event patterns: the embedded engine's own `TestEventPattern`, in its own interpreter, without a server.

Run as a script it reads `{"patterns": [...], "events": [...]}` and writes a list for each pattern: true, false, or why it is
refused, for each event.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

EMBEDDED = Path(__file__).parents[2] / ".venv-embedded" / "bin" / "python"


def opinions(patterns: Sequence[Mapping[str, object]], events: Sequence[Mapping[str, object]]) -> list[list[bool | str]]:
    """For each pattern, whether it takes each event; a text, which says why, where the pattern is refused."""
    asked = json.dumps({"patterns": patterns, "events": events})
    answers = subprocess.run([EMBEDDED, __file__], input=asked, capture_output=True, text=True, check=True, timeout=120)
    found: list[list[bool | str]] = json.loads(answers.stdout)
    return found


def answer(asked: Mapping[str, Sequence[object]]) -> list[list[bool | str]]:
    from ministack.services import eventbridge

    def opinion(pattern: str, event: str) -> bool | str:
        status, _, body = eventbridge._test_event_pattern({"EventPattern": pattern, "Event": event})
        found = json.loads(body)
        return bool(found["Result"]) if status == 200 else str(found["message"])

    events = [json.dumps(event) for event in asked["events"]]
    return [[opinion(json.dumps(pattern), event) for event in events] for pattern in asked["patterns"]]


if __name__ == "__main__":
    json.dump(answer(json.load(sys.stdin)), sys.stdout)
