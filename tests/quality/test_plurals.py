"""A count in a text of an operator agrees with its noun: `counted` makes it, in Python and in the page's scripts."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.plural import counted

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("orderctl", "operations", "laptop", "console")
RATES = ("operations/economics", "orderctl/reference")
"""Folders of texts about rates and settings: no value is one, or it is a fraction."""
SCRIPTS = sorted((REPOSITORY / "console" / "static").rglob("*.js"))
PLURAL = re.compile(r" (?:(?!has )[a-z]+ )?([A-Za-z]*[a-z])s\b")
IN_A_SCRIPT = re.compile(r"\$\{(?:count\([^}]*\)|[a-z.]*length)\} ([a-z]*)s\b")
NO_COUNT = re.compile(r"[A-Z_]+|[a-z_]+\.[A-Z_]+|service|verb")
"""Values before a plural that are more than one, or no number."""


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((REPOSITORY / package).rglob("*.py"))


def nouns() -> set[str]:
    """Return the nouns that `counted` takes, wherever it is called."""
    calls = (node for module in modules() for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call))
    counts = [call for call in calls if ast.unparse(call.func) == "counted"]
    return {str(ast.literal_eval(call.args[1])).split()[-1] for call in counts}


def counts_by_hand(source: str, wanted: set[str]) -> Iterator[str]:
    """Yield the texts of a module in which a value stands before the plural of a noun, and may be one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            for value, text in zip(node.values, node.values[1:], strict=False):
                if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
                    found, of = PLURAL.match(str(text.value)), ast.unparse(value.value)
                    if found and found[1] in wanted and not NO_COUNT.fullmatch(of):
                        yield f"{{{of}}}{found[0]}"


def test_count_agrees_with_its_noun() -> None:
    assert [counted(number, "event") for number in (0, 1, 2, 1000)] == ["0 events", "1 event", "2 events", "1,000 events"]
    assert counted(2, "reply", "replies") == "2 replies"


def test_counts_of_the_operator_are_made_by_counted() -> None:
    wanted = nouns()
    assert {"event", "order", "row", "message"} <= wanted
    by_hand = [
        f"{place}: {text}"
        for module in modules()
        if not (place := module.relative_to(REPOSITORY).as_posix()).startswith(RATES)
        for text in counts_by_hand(module.read_text(), wanted)
    ]
    assert by_hand == [], "write `counted(number, noun)`"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_counts_of_the_page_are_made_by_counted(script: Path) -> None:
    assert [found[0] for found in IN_A_SCRIPT.finditer(script.read_text())] == [], "write `counted(number, noun)`"
