"""Each of the protocol's crash points, in its variants; docs/explanation/reliability.md describes them as they are run."""

import re
from pathlib import Path

import pytest

from simulation.stage.crash_points import CRASH_POINTS, CrashPoint, markdown
from tests.simulation.test_simulation import REPOSITORY, simulate

ALSO = [test for point in CRASH_POINTS for test in point.also]


@pytest.mark.parametrize("point", CRASH_POINTS, ids=lambda point: f"{point.number} {point.what}")
def test_no_invariant_breaks_at(point: CrashPoint) -> None:
    assert re.search(r"[1-9]\d* cases, 0 violations", simulate("crash-points", str(point.number)))


def test_they_are_the_protocols_27() -> None:
    assert [point.number for point in CRASH_POINTS] == list(range(1, 28))


@pytest.mark.parametrize("test", ALSO)
def test_there_is(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in Path(REPOSITORY, file).read_text()


def test_the_docs_tell_them() -> None:
    assert markdown() in (REPOSITORY / "docs/explanation/reliability.md").read_text(), (
        "docs: python -m simulation crash-points --markdown"
    )
