"""A second opinion on event patterns: the embedded engine's own `TestEventPattern`, in its own interpreter, without a server.

Run as a script it reads `[pattern, event]` a line, both JSON texts, and writes true, false, or why it refuses, a line.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

EMBEDDED = Path(__file__).parents[1] / ".venv-embedded" / "bin" / "python"


def opinions(questions: Iterable[tuple[Mapping[str, Any] | str, Mapping[str, Any]]]) -> list[bool | str]:
    """Whether each (pattern, event) matches, or the reason why the pattern is refused."""
    lines = "".join(
        json.dumps([pattern if isinstance(pattern, str) else json.dumps(pattern), json.dumps(event)]) + "\n"
        for pattern, event in questions
    )
    answers = subprocess.run([EMBEDDED, __file__], input=lines, capture_output=True, text=True, check=True, timeout=120)
    return [json.loads(line) for line in answers.stdout.splitlines()]


def answer(lines: Iterable[str]) -> None:
    from ministack.services import eventbridge

    for line in lines:
        pattern, event = json.loads(line)
        status, _, body = eventbridge._test_event_pattern({"EventPattern": pattern, "Event": event})
        found = json.loads(body)
        sys.stdout.write(json.dumps(found["Result"] if status == 200 else found["message"]) + "\n")


if __name__ == "__main__":
    answer(sys.stdin)
