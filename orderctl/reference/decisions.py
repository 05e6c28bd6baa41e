"""The index of the decision records, made from their titles and statuses."""

import re
from pathlib import Path

from operations.contracts.markdown import table
from operations.repository import REPOSITORY

FOLDER = REPOSITORY / "docs" / "explanation" / "decisions"
TITLE = re.compile(r"^# (\d+)\. (.*)$", re.MULTILINE)
STATUS = re.compile(r"^Status: (.*)$", re.MULTILINE)
INTRODUCTION = """# Decisions

A decision record says which problem there was, what was decided, and what follows. A later record can change an earlier one;
its status says so.

"""


def page() -> str:
    """Return the page as Markdown."""
    return INTRODUCTION + table(("Number", "Decision", "Status"), map(_row, sorted(FOLDER.glob("[0-9]*.md"))))


def _row(path: Path) -> tuple[str, str, str]:
    text = path.read_text()
    number, title = TITLE.findall(text)[0]
    return number, f"[{title}]({path.name})", STATUS.findall(text)[0]
