"""audit/catalogue.py has every invariant that a checker can report, and names its checkers truly."""

import re
from operator import attrgetter
from pathlib import Path

import pytest

from audit.catalogue import CATALOGUE, CHECKERS, MODEL_CHECKER, SIMULATION

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "simulation"
REPORTED = {
    MODEL_CHECKER: ("modelcheck/*.py", r'(?:Check|Violation)\(\s*"(\w+)"', attrgetter("name")),
    SIMULATION: (
        "stage/**/[!_]*.py",
        r'(?:fail\(|Violated\(|\b[A-Z_]+ = )\s*"(?!sk_)([a-z]+(?:_[a-z]+){2,})"',
        attrgetter("name"),
    ),
}
"""Where a checker reports violations, and the pattern of the codes or names that it reports."""


def reported(modules: str, pattern: str) -> set[str]:
    """Return the codes or names that the modules of the simulation report."""
    return {found for module in FOLDER.glob(modules) for found in re.findall(pattern, module.read_text())}


@pytest.mark.parametrize("checker", REPORTED)
def test_catalogue_names_what_a_checker_reports(checker: str) -> None:
    modules, pattern, identifier = REPORTED[checker]
    assert {identifier(each) for each in CATALOGUE if checker in each.checked_by} == reported(modules, pattern)


def test_codes_and_names_are_unique() -> None:
    codes = {invariant.code for invariant in CATALOGUE}
    names = {invariant.name for invariant in CATALOGUE}
    assert len(codes) == len(names) == len(CATALOGUE)


def test_every_invariant_is_checked() -> None:
    assert [invariant.label for invariant in CATALOGUE if not invariant.checked_by & set(CHECKERS)] == []
