"""Which tests one process of a parallel run keeps together: a file's, and those that share one synthesis."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TOGETHER = ("infrastructure",)
"""Folders with tests that share an expensive fixture."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(TESTS)
        group = place.parts[0] if place.parts[0] in TOGETHER else place.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
