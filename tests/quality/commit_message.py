"""The message of a commit: `python -m tests.quality.commit_message FILE`, which the git hook `commit-msg` runs."""

import sys
from pathlib import Path
from typing import Final

LONGEST_SUBJECT: Final = 60
SCISSORS: Final = "# ------------------------ >8 ------------------------"
MADE_BY_GIT: Final = ("Merge ", "Revert ", "fixup! ", "squash! ")


def faults(message: str) -> list[str]:
    """Return how the message breaks the rules: a short subject, an empty line, and a body that says why."""
    kept = message.partition(SCISSORS)[0]  # below them, `git commit --verbose` shows the change
    lines = [line.rstrip() for line in kept.splitlines() if not line.startswith("#")]
    if lines and lines[0].startswith(MADE_BY_GIT):
        return []
    subject, below = (lines[0], lines[1:]) if lines else ("", [])
    found = []
    if not 0 < len(subject) <= LONGEST_SUBJECT:
        found.append(f"the subject has {len(subject)} characters: write 1 to {LONGEST_SUBJECT}")
    if below and below[0]:
        found.append("the second line is not empty")
    if not any(below):
        found.append("there is no body: say in a sentence why the change is made")
    return found


def main() -> int:
    """Print the faults of the message in the file. Return 1 if there are any."""
    found = faults(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for fault in found:
        print(f"commit message: {fault}", file=sys.stderr)  # noqa: T201
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
