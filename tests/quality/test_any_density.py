"""The types of our code say what the values are: `Any` stays rare, under whatever name."""

from pkgutil import resolve_name

import pytest

from tests.quality.any_density import NOT_COUNTED, densities, goal, uses_by_file

ALIAS = "from typing import Any\nRow = dict[str, Any]\n"


def test_any_is_as_rare_as_the_room_allows() -> None:
    found = densities()
    over = {room: round(density, 1) for room, density in found.items() if density > goal(room)}
    assert over == {}


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("from typing import Any\nx: Any", 1),
        ("import typing\nx: dict[str, typing.Any]", 1),
        ("import typing as t\nx: t.Any", 1),
        ("from typing import Any as Whatever\nx: Whatever", 1),
        ("from typing import Any", 0),
        ("class Any: ...\nx: Any", 0),
    ],
)
def test_use_of_any_is_counted(source: str, uses: int) -> None:
    assert uses_by_file({"a.py": source}) == {"a.py": uses}


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("from kernel.store import Row\nx: Row\ny: list[Row]", 2),
        ("from kernel.store import Row as Stored\nx: Stored", 1),
        ("from kernel import store\nx: store.Row", 1),
        ("import kernel.store\nx: kernel.store.Row", 1),
        ("from kernel.store import Row\nRows = list[Row]\nx: Rows", 2),
        ("from kernel.store import Row", 0),
        ("Row = dict[str, int]\nx: Row", 0),
    ],
)
def test_use_of_an_alias_of_any_is_counted(source: str, uses: int) -> None:
    assert uses_by_file({"kernel/store.py": ALIAS, "audit/checks.py": source})["audit/checks.py"] == uses


def test_alias_is_counted_where_it_is_defined_and_used() -> None:
    assert uses_by_file({"kernel/store.py": f"{ALIAS}x: Row"}) == {"kernel/store.py": 2}


def test_alias_of_a_function_is_not_counted() -> None:
    source = "from collections.abc import Callable\nfrom typing import Any\nHandler = Callable[[Any], int]\nx: Handler"
    assert uses_by_file({"a.py": source}) == {"a.py": 1}


@pytest.mark.parametrize("name", NOT_COUNTED)
def test_alias_that_does_not_count_exists(name: str) -> None:
    assert resolve_name(name) is not None
