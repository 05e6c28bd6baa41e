"""docs/reference/invariants.md names every invariant that can be found broken, and says truly by whom."""

import re
from pathlib import Path

import pytest

from audit.findings import INVARIANTS

REPOSITORY = Path(__file__).parents[2]
SIMULATION = REPOSITORY / "tests" / "simulation"
ROW = re.compile(r"^\| ([A-Z][0-9]) \|[^|]+\|([^|]+)\|([^|]+)\|([^|]+)\|$", re.MULTILINE)


def named(folder: Path, pattern: str) -> set[str]:
    """The invariants that the modules of a folder name so."""
    return {name for module in folder.glob("*.py") for name in re.findall(pattern, module.read_text())}


CHECKED_BY = {
    "explorer": named(SIMULATION / "explorer", r'(?<!")f?"([A-Z][0-9])\*? '),
    "simulation": named(SIMULATION, r'(?:_fail|\.fail|Violated)\(\s*"([A-Z][0-9])"'),
    "audit": set(INVARIANTS),
}


@pytest.mark.parametrize(("column", "checked"), list(enumerate(CHECKED_BY.values())), ids=CHECKED_BY)
def test_the_table_says_who_checks_what(column: int, checked: set[str]) -> None:
    rows = ROW.findall((REPOSITORY / "docs" / "reference" / "invariants.md").read_text())
    ticked = {name for name, *ticks in rows if ticks[column].strip() == "yes"}
    assert ticked == checked
