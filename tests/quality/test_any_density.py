"""The types of our code say what the values are: `Any` stays rare."""

import ast

import pytest

from tests.quality.any_density import densities, goal, is_any


def test_any_is_as_rare_as_the_room_allows() -> None:
    found = densities()
    over = {room: round(density, 1) for room, density in found.items() if density > goal(room)}
    assert over == {}


@pytest.mark.parametrize(("source", "uses"), [("x: Any", 1), ("x: dict[str, typing.Any]", 1), ("from typing import Any", 0)])
def test_use_of_any_is_counted(source: str, uses: int) -> None:
    assert sum(map(is_any, ast.walk(ast.parse(source)))) == uses
