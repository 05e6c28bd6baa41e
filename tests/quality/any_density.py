"""How often the code of each room says `Any`, per 1,000 lines; code that is made from schemas is left out."""

import ast
from collections import Counter
from typing import Final

from tests.quality.prose.sources import GENERATED, PACKAGES, REPOSITORY, tracked

GOALS: Final = {"services": 5.0}
GOAL_ELSEWHERE: Final = 10.0
ROOMS: Final = (*(name for name in PACKAGES if name != "tests/"), "tests/support/")


def goal(room: str) -> float:
    """Return the most uses per 1,000 lines that a room may have."""
    return GOALS.get(room, GOAL_ELSEWHERE)


def densities() -> dict[str, float]:
    """Return the uses of `Any` per 1,000 lines of each room that exists, imports not counted."""
    uses, lines = Counter[str](), Counter[str]()
    for name in tracked((".py",)):
        room = next((room.rstrip("/") for room in ROOMS if name.startswith(room)), None)
        if room is None or GENERATED.match(name):
            continue
        source = (REPOSITORY / name).read_text()
        lines[room] += len(source.splitlines())
        uses[room] += sum(map(is_any, ast.walk(ast.parse(source))))
    return {room: 1000 * uses[room] / lines[room] for room in sorted(lines) if lines[room]}


def is_any(node: ast.AST) -> bool:
    """Return True for the name `Any`, alone or as `typing.Any`."""
    return (isinstance(node, ast.Name) and node.id == "Any") or (isinstance(node, ast.Attribute) and node.attr == "Any")
