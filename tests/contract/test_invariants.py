"""audit/catalogue.py has every invariant that a checker can report, and names its checkers truly."""

import re
from pathlib import Path

import pytest

from audit.catalogue import CATALOGUE, CHECKERS, MODEL_CHECKER, SIMULATION

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "simulation"
REPORTED = {
    MODEL_CHECKER: (FOLDER / "modelcheck", r'(?<!")f?"([A-Z][0-9])\*? '),
    SIMULATION: (FOLDER / "stage", r'(?:_fail|\.fail|Violated)\(\s*"([A-Z][0-9])"'),
}
"""Where a checker reports violations, and the pattern of the codes that it reports."""


def reported(folder: Path, pattern: str) -> set[str]:
    """Return the codes that the modules of a folder report."""
    return {code for module in folder.glob("*.py") for code in re.findall(pattern, module.read_text())}


@pytest.mark.parametrize("checker", REPORTED)
def test_catalogue_names_what_a_checker_reports(checker: str) -> None:
    assert {each.code for each in CATALOGUE if checker in each.checked_by} == reported(*REPORTED[checker])


def test_codes_and_names_are_unique() -> None:
    codes = {invariant.code for invariant in CATALOGUE}
    names = {invariant.name for invariant in CATALOGUE}
    assert len(codes) == len(names) == len(CATALOGUE)


def test_every_invariant_is_checked() -> None:
    assert [invariant.label for invariant in CATALOGUE if not invariant.checked_by & set(CHECKERS)] == []
