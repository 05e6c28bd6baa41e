"""The protocol's crash points, in their variants, as docs/explanation/reliability.md describes them."""

import re
from pathlib import Path

import pytest

from simulation.stage.crash_points import CRASH_POINTS, CrashPoint, markdown
from tests.simulation.test_simulation import REPOSITORY, simulate

ALSO = [test for point in CRASH_POINTS for test in point.also]


@pytest.mark.parametrize("point", CRASH_POINTS, ids=lambda point: f"{point.number} {point.what}")
def test_crash_point_breaks_no_invariant(point: CrashPoint) -> None:
    assert re.search(r"[1-9]\d* cases, 0 violations", simulate("crash-points", str(point.number)))


def test_all_27_crash_points_are_covered() -> None:
    assert [point.number for point in CRASH_POINTS] == list(range(1, 28))


@pytest.mark.parametrize("test", ALSO)
def test_named_test_of_a_crash_point_exists(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in Path(REPOSITORY, file).read_text()


def test_docs_describe_the_crash_points_as_they_run() -> None:
    assert markdown() in (REPOSITORY / "docs/explanation/reliability.md").read_text(), (
        "docs: python -m simulation crash-points --markdown"
    )
